/**
 * Memory and time of one training pass over one long sequence, on a real shape with random weights, beside what the
 * shapes predict. One process measures one setting, because what a process held at most cannot be taken back.
 *
 *   npx tsx bench/engine-memory.ts --tokens 1024 [--shape qwen2.5-0.5b|small] [--lora 16|0] [--recompute auto|yes|no] [--threads 2]
 */
import './engine/huge-pages.ts'
import { parseArgs } from 'node:util'
import { rng } from '../src/core/rng.ts'
import { parseModelConfig } from '../src/engine/models/config.ts'
import { memoryNeed } from '../src/engine/memory.ts'
import { activationBytes, recomputes } from '../src/engine/training/memory.ts'
import { Trainer } from '../src/engine/training/trainer.ts'
import { QWEN25_05B } from './engine/base-shape.ts'
import { randomWeights } from './engine/random-weights.ts'

const SHAPES: Readonly<Record<string, Record<string, unknown>>> = {
  'qwen2.5-0.5b': QWEN25_05B,
  small: {
    ...QWEN25_05B,
    hidden_size: 256,
    num_hidden_layers: 6,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 1024,
  },
}
const { values } = parseArgs({
  options: {
    shape: { type: 'string', default: 'qwen2.5-0.5b' },
    tokens: { type: 'string', default: '1024' },
    lora: { type: 'string', default: '16' },
    recompute: { type: 'string', default: 'auto' },
    threads: { type: 'string', default: '2' },
    passes: { type: 'string', default: '2' },
  },
})
const config = parseModelConfig(SHAPES[values.shape], values.shape)
const length = Number(values.tokens)
const rank = Number(values.lora)
const recompute = values.recompute === 'auto' ? 'auto' : values.recompute === 'yes'

const gib = (bytes: number): number => Number((bytes / 2 ** 30).toFixed(2))
const lora = rank === 0 ? (false as const) : { rank, alpha: 2 * rank, seed: 1 }
const trainer = new Trainer(config, randomWeights(config), { threads: Number(values.threads), lora, recompute })
const loaded = process.memoryUsage().rss
const random = rng(2, 'bench')
const tokens = Int32Array.from({ length: length + 1 }, () => random.below(config.vocabSize))
const weights = new Float32Array(length).fill(1 / length)
const seconds: number[] = []
for (let pass = 0; pass < Number(values.passes); pass++) {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await trainer.accumulate([tokens], [weights])
  const { user, system } = process.cpuUsage(cpu)
  seconds.push(Number(((performance.now() - start) / 1000).toFixed(1)), Number(((user + system) / 1e6).toFixed(1)))
}
const gradient = trainer.trainable.specs.reduce((sum, { name }) => {
  return sum + trainer.gradient(name).reduce((part, value) => part + value * value, 0)
}, 0)
// What of the prediction takes part in one pass: nothing is sampled, merged or updated, and no tokenizer is there.
const here = recomputes(config, { tokens: length, rows: 1, length }, { loraRank: rank, recompute })
const need = memoryNeed(config, { training: { loraRank: rank, maxLength: length, recompute: here } })
const absent = new Set(['sampling', 'merged weights', "Adam's moments"])
const predicted = need.parts.reduce((sum, [name, bytes]) => sum + (absent.has(name) ? 0 : bytes), 0)
console.log(
  JSON.stringify({
    ...values,
    secondsWallCpu: seconds,
    loadedGiB: gib(loaded),
    peakGiB: gib(process.resourceUsage().maxRSS * 1024),
    predictedGiB: gib(predicted),
    keptActivationsGiB: gib(activationBytes(config, { tokens: length, rows: 1, length }, rank)),
    gradientNorm: Math.sqrt(gradient),
  }),
)
await trainer.release()
