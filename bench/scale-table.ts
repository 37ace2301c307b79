/**
 * The figures of docs/scale.md: memory of training by the accounting of `pop plan`, and what moves over the network. Computed, not measured.
 *
 *     npx tsx bench/scale-table.ts
 */
import { trainingMemory, type ModelShape } from '../src/pipeline/index.ts'
import { rng } from '../src/core/rng.ts'
import { encodeDatum } from '../src/tinker/wire.ts'

const shape = (parameters: number, hidden: number, layers: number, vocabulary: number): ModelShape => ({
  parameters,
  dimensions: { hidden, layers, vocabulary },
})
/** As their config.json says. */
const models: readonly (readonly [string, ModelShape])[] = [
  ['Qwen2.5-0.5B', shape(0.494e9, 896, 24, 151_936)],
  ['Qwen2.5-1.5B', shape(1.54e9, 1536, 28, 151_936)],
  ['Qwen2.5-7B', shape(7.62e9, 3584, 28, 152_064)],
  ['Qwen2.5-32B', shape(32.8e9, 5120, 64, 152_064)],
]
const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1)
const maxLength = 6144

console.log(
  '| model | full, bf16 | LoRA 32, bf16 | LoRA 32, fp32 (embedded) | merged weights | adapter |\n|---|---|---|---|---|---|',
)
for (const [name, model] of models) {
  const total = (loraRank: number | null, precision: 'bf16' | 'float32'): string =>
    gib(trainingMemory(model, { loraRank, maxLength, precision }).total)
  const { parts } = trainingMemory(model, { loraRank: 32, maxLength, precision: 'bf16' })
  const adapter = parts.find(([part]) => part === 'adapters')?.[1] ?? 0
  const row = [total(null, 'bf16'), total(32, 'bf16'), total(32, 'float32'), gib(2 * model.parameters), gib(adapter)]
  console.log(`| ${name} | ${row.join(' | ')} |`)
}

const random = rng('traffic')
const tokens = Array.from({ length: 1000 }, () => random.below(152_000))
const vector = (): Float32Array => Float32Array.from({ length: 999 }, () => random.normal() * 1e-3)
const bytes = (names: readonly string[]): number =>
  JSON.stringify(encodeDatum({ tokens, vectors: Object.fromEntries(names.map((name) => [name, vector()])) })).length /
  1000
console.log(
  `\nJSON to a Tinker server, bytes a token: pass on a summing server ${bytes(['weights']).toFixed(0)}, on an averaging one ${bytes(['weights', 'advantages', 'logprobs']).toFixed(0)}`,
)
for (const [task, documents] of [
  ['healthcare QA', 4096],
  ['creative writing', 8192],
  ['instruction following', 4096],
] as const) {
  console.log(
    `${task}: ${documents} documents, ${(documents * 66).toLocaleString('en')} completions (1 question, 32 answers, 1 rubric, 32 judgements each)`,
  )
}
