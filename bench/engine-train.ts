/**
 * Training speed: tokens/s, and GFLOP/s as a fraction of what this machine's matrix product reaches in the same run.
 *
 *   npx tsx bench/engine-train.ts [--shape base|lab|0.5b] [--lora 16] [--threads 2] [--steps 8] [--json]
 *
 * Products and training steps alternate, so that other load on the machine hits both. Rates are given per second of
 * wall time (best and median) and per second of CPU time of this process: the second is what remains when the machine
 * is shared (idle threads that spin count against it).
 */
import './engine/huge-pages.ts'
import { parseArgs } from 'node:util'
import { rng } from '../src/core/rng.ts'
import { Graph } from '../src/engine/graph/graph.ts'
import type { ModelConfig } from '../src/engine/models/config.ts'
import { parseModelConfig } from '../src/engine/models/config.ts'
import { layerLinears } from '../src/engine/models/parameters.ts'
import { gemmKernel } from '../src/engine/ops/kernels.ts'
import { Executable } from '../src/engine/runtime/executable.ts'
import { Trainer } from '../src/engine/training/trainer.ts'
import { BASE_SHAPE, QWEN25_05B } from './engine/base-shape.ts'
import { randomWeights } from './engine/random-weights.ts'

interface Shape {
  readonly config: Record<string, unknown>
  readonly sequences: number
  readonly minTokens: number
  readonly maxTokens: number
}

const SHAPES: Readonly<Record<string, Shape>> = {
  base: { config: BASE_SHAPE, sequences: 16, minTokens: 257, maxTokens: 257 },
  lab: {
    config: {
      ...BASE_SHAPE,
      hidden_size: 192,
      num_attention_heads: 6,
      num_key_value_heads: 6,
      intermediate_size: 512,
      vocab_size: 1500,
    },
    sequences: 32,
    minTokens: 100,
    maxTokens: 300,
  },
  '0.5b': { config: QWEN25_05B, sequences: 4, minTokens: 257, maxTokens: 257 },
}
const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 1 }

interface Settings {
  readonly threads: number
  readonly steps: number
  /** Of the adapters; 0 trains all weights. */
  readonly rank: number
}

/** One timed piece of work. */
interface Sample {
  readonly wall: number
  readonly cpu: number
}

async function timed(work: () => Promise<unknown>): Promise<Sample> {
  const cpuBefore = process.cpuUsage()
  const before = performance.now()
  await work()
  const { user, system } = process.cpuUsage(cpuBefore)
  return { wall: (performance.now() - before) / 1000, cpu: (user + system) / 1e6 }
}

/** A product of the sizes that training large layers meets; returns its cost in FLOP and how to run it. */
async function product(
  threads: number,
): Promise<{ flop: number; run: () => Promise<void>; release: () => Promise<void> }> {
  const [m, n, k] = [1024, 2048, 1024]
  const graph = new Graph()
  graph.output('y', gemmKernel(graph.input('a', [m, k]), graph.input('b', [n, k]), { transposeB: true }))
  const executable = await Executable.create(graph.build(), { threads })
  const random = rng(1, 'bench')
  const fill = (length: number): Float32Array => Float32Array.from({ length }, () => random.uniform() - 0.5)
  const [a, b, y] = [fill(m * k), fill(n * k), new Float32Array(m * n)]
  const repeats = 16
  const run = async (): Promise<void> => {
    for (let i = 0; i < repeats; i++) await executable.run({ a, b }, { y })
  }
  return { flop: 2 * m * n * k * repeats, run, release: () => executable.release() }
}

/**
 * Exact matrix-product FLOP of forward and backward over the real (unpadded) tokens, full T × T attention. Weights that
 * are frozen under adapters of `rank` have no gradient, so their products count twice and not three times.
 */
function trainingFlop(config: ModelConfig, lengths: readonly number[], rank: number): number {
  const head = config.vocabSize * config.hiddenSize
  const linears = Array.from({ length: config.layers }, (_, layer) => layerLinears(config, layer)).flat()
  const base = linears.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, head)
  const adapters = linears.reduce((sum, { inputs, outputs }) => sum + rank * (inputs + outputs), 0)
  const perToken = 2 * ((rank === 0 ? 3 : 2) * base + 3 * adapters)
  const attention = 3 * config.layers * 4 * config.heads * config.headDim
  return lengths.reduce((sum, length) => sum + length * (perToken + attention * length), 0)
}

function rates(amount: number, samples: readonly Sample[]): { best: number; median: number; perCpuSecond: number } {
  const walls = samples.map(({ wall }) => amount / wall).sort((a, b) => b - a)
  const cpu = samples.map((sample) => amount / sample.cpu).sort((a, b) => b - a)
  return { best: walls[0] ?? 0, median: walls[walls.length >> 1] ?? 0, perCpuSecond: cpu[0] ?? 0 }
}

async function measure(shape: Shape, { threads, steps, rank }: Settings): Promise<Record<string, unknown>> {
  const config = parseModelConfig(shape.config)
  const parameters = randomWeights(config)
  const lora = rank === 0 ? (false as const) : { rank, alpha: 2 * rank, seed: 1 }
  const trainer = new Trainer(config, parameters, { threads, lora })
  const random = rng(2, 'bench')
  const sequences = Array.from({ length: shape.sequences }, () => {
    const length = shape.minTokens + random.below(shape.maxTokens - shape.minTokens + 1)
    return Array.from({ length }, () => random.below(config.vocabSize))
  })
  const lengths = sequences.map((tokens) => tokens.length - 1)
  const tokens = lengths.reduce((a, b) => a + b, 0)
  const weights = lengths.map((length) => new Float32Array(length).fill(1 / tokens))
  const gemm = await product(threads)
  const samples: Record<'gemm' | 'accumulate' | 'step' | 'logprobs', Sample[]> = {
    gemm: [],
    accumulate: [],
    step: [],
    logprobs: [],
  }
  for (let i = 0; i < steps + 2; i++) {
    const round = {
      gemm: await timed(gemm.run),
      accumulate: await timed(() => trainer.accumulate(sequences, weights)),
      step: await timed(() => trainer.step(ADAM)),
      logprobs: await timed(() => trainer.logprobs(sequences)),
    }
    if (i < 2) continue
    samples.gemm.push(round.gemm)
    samples.accumulate.push(round.accumulate)
    samples.step.push(round.step)
    samples.logprobs.push(round.logprobs)
  }
  const both = samples.accumulate.map((sample, i) => ({
    wall: sample.wall + (samples.step[i]?.wall ?? 0),
    cpu: sample.cpu + (samples.step[i]?.cpu ?? 0),
  }))
  const flop = trainingFlop(config, lengths, rank) / 1e9
  const gemmRate = rates(gemm.flop / 1e9, samples.gemm)
  const trainRate = rates(flop, samples.accumulate)
  await Promise.all([trainer.release(), gemm.release()])
  return {
    parameters: parameters.parameterCount,
    lora: rank,
    tokensPerStep: tokens,
    threads,
    gemmGflops: gemmRate,
    trainGflops: trainRate,
    fractionOfGemm: {
      best: trainRate.best / gemmRate.best,
      median: trainRate.median / gemmRate.median,
      perCpuSecond: trainRate.perCpuSecond / gemmRate.perCpuSecond,
    },
    trainTokensPerSecond: rates(tokens, both),
    forwardTokensPerSecond: rates(tokens, samples.logprobs),
    optimizerMilliseconds: Math.min(...samples.step.map(({ wall }) => wall * 1000)),
    peakMemoryMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  }
}

const { values } = parseArgs({
  options: {
    shape: { type: 'string', default: 'base' },
    lora: { type: 'string', default: '0' },
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '8' },
    json: { type: 'boolean', default: false },
  },
})
const shape = SHAPES[values.shape]
if (shape === undefined) throw new Error(`unknown shape ${values.shape}; use one of ${Object.keys(SHAPES).join(', ')}`)
const result = await measure(shape, {
  threads: Number(values.threads),
  steps: Number(values.steps),
  rank: Number(values.lora),
})
const rounded = JSON.stringify(
  result,
  (_key, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value),
  values.json ? undefined : 1,
)
console.log(rounded.replaceAll(/\n\s{2}/g, ' ').replaceAll(/\n }/g, ' }'))
