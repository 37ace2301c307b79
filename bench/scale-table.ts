/**
 * The figures of docs/scale.md: memory of training by the accounting of `pop plan`, and what moves over the network. Computed, not measured.
 *
 *     npx tsx bench/scale-table.ts
 */
import { rng } from '../src/core/rng.ts'
import { memoryNeed } from '../src/engine/memory.ts'
import { parseModelConfig, type ModelConfig } from '../src/engine/models/config.ts'
import { countParameters } from '../src/engine/models/parameters.ts'
import { PUBLISHED } from '../src/engine/testing/published-shapes.ts'
import { gpuTrainingMemory } from '../src/pipeline/index.ts'
import { encodeDatum } from '../src/tinker/wire.ts'

const LARGE = {
  ...PUBLISHED['Qwen/Qwen2.5-7B-Instruct']?.config,
  hidden_size: 5120,
  intermediate_size: 27648,
  num_hidden_layers: 64,
  num_attention_heads: 40,
  num_key_value_heads: 8,
}
/** As their config.json says. */
const models: readonly (readonly [string, ModelConfig])[] = [
  ['Qwen2.5-0.5B', parseModelConfig(PUBLISHED['Qwen/Qwen2.5-0.5B-Instruct']?.config)],
  ['Qwen2.5-1.5B', parseModelConfig(PUBLISHED['Qwen/Qwen2.5-1.5B-Instruct']?.config)],
  ['Qwen2.5-7B', parseModelConfig(PUBLISHED['Qwen/Qwen2.5-7B-Instruct']?.config)],
  ['Qwen2.5-32B', parseModelConfig(LARGE)],
]
const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1)
const maxLength = 6144
const rank = 32

console.log(
  '| model | full, bf16 | LoRA 32, bf16 | LoRA 32, fp32 (embedded) | merged weights | adapter |\n|---|---|---|---|---|---|',
)
for (const [name, config] of models) {
  const parameters = countParameters(config)
  const dimensions = { hidden: config.hiddenSize, layers: config.layers, vocabulary: config.vocabSize }
  const onGpus = (loraRank: number | null): ReturnType<typeof gpuTrainingMemory> =>
    gpuTrainingMemory({ parameters, dimensions }, { loraRank, maxLength })
  const embedded = memoryNeed(config, { training: { loraRank: rank, maxLength } }).total
  const adapter = onGpus(rank).parts.find(([part]) => part === 'adapters')?.[1] ?? 0
  const row = [onGpus(null).total, onGpus(rank).total, embedded, 2 * parameters, adapter].map(gib)
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
