/**
 * AdamW (Loshchilov and Hutter 2019) over flat buffers, in place, with the arithmetic of torch.optim.AdamW, and the
 * global gradient norm. Runs as small element-wise graphs over chunks, so that their temporaries stay in cache.
 * Knows no model: only lengths, and which ranges decay.
 */
import { Graph } from '../graph/graph.ts'
import type { Value } from '../graph/graph.ts'
import { addKernel, divKernel, mulKernel, subKernel, unaryKernel } from '../ops/kernels.ts'
import type { ExecutableOptions } from '../runtime/executable.ts'
import { Executable } from '../runtime/executable.ts'
import { FlatArithmetic } from './flat.ts'

export interface AdamWSettings {
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly eps: number
  /** Decoupled: weights shrink by learningRate · weightDecay before the update. */
  readonly weightDecay: number
  /** Gradients are scaled down to this global L2 norm; 0 is off. */
  readonly maxGradNorm: number
}

/** Elements `start` … `end` − 1 of the flat buffers. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** Four buffers of one length. */
export interface AdamWBuffers {
  readonly parameters: Float32Array
  readonly gradients: Float32Array
  /** First and second moments. */
  readonly m: Float32Array
  readonly v: Float32Array
}

const MAX_CHUNK = 1 << 20
const SCALARS = ['beta1', 'gradientWeight', 'beta2', 'squareWeight', 'rootScale', 'eps', 'stepSize'] as const

/** torch.nn.utils.clip_grad_norm_: max / (norm + 1e-6), at most 1. */
export function clipCoefficient(norm: number, maxNorm: number): number {
  return maxNorm > 0 ? Math.min(1, maxNorm / (norm + 1e-6)) : 1
}

export class AdamW {
  private readonly chunks: readonly Range[]
  private readonly options: ExecutableOptions
  private readonly updates = new Map<number, Executable>()
  private readonly norms = new Map<number, Executable>()
  private readonly arithmetic: FlatArithmetic

  /** `ranges`: what is updated of the flat buffers that every call will get. */
  constructor(ranges: readonly Range[], options: ExecutableOptions = {}) {
    this.chunks = ranges.flatMap(chunksOf)
    this.options = options
    this.arithmetic = new FlatArithmetic(options)
  }

  /** The global L2 norm, sums of squares per chunk in float32 and over chunks in double precision. */
  async gradientNorm(gradients: Float32Array): Promise<number> {
    let total = 0
    const sum = new Float32Array(1)
    for (const { start, end } of this.chunks) {
      const executable = await this.executable(this.norms, end - start, normGraph)
      await executable.run({ g: gradients.subarray(start, end) }, { sum })
      total += sum[0] ?? 0
    }
    return Math.sqrt(total)
  }

  /** Update number `step` (from 1). `clip` scales the gradients, which stay as they are; `decaying` ranges shrink first. */
  async update(
    buffers: AdamWBuffers,
    settings: AdamWSettings,
    { step, clip, decaying }: { step: number; clip: number; decaying: readonly Range[] },
  ): Promise<void> {
    await this.decay(buffers.parameters, 1 - settings.learningRate * settings.weightDecay, decaying)
    const scalars = scalarFeeds(settings, step, clip)
    for (const { start, end } of this.chunks) {
      const [p, g, m, v] = [buffers.parameters, buffers.gradients, buffers.m, buffers.v].map((buffer) =>
        buffer.subarray(start, end),
      ) as [Float32Array, Float32Array, Float32Array, Float32Array]
      const executable = await this.executable(this.updates, end - start, updateGraph)
      await executable.run({ ...scalars, p, g, m, v }, { pNext: p, mNext: m, vNext: v })
    }
  }

  async release(): Promise<void> {
    const all = [...this.updates.values(), ...this.norms.values()]
    this.updates.clear()
    this.norms.clear()
    await Promise.all([this.arithmetic.release(), ...all.map((executable) => executable.release())])
  }

  private async decay(parameters: Float32Array, factor: number, ranges: readonly Range[]): Promise<void> {
    if (factor === 1) return
    for (const { start, end } of ranges) await this.arithmetic.scale(parameters.subarray(start, end), factor)
  }

  private async executable(
    cache: Map<number, Executable>,
    length: number,
    make: (length: number) => Graph,
  ): Promise<Executable> {
    const known = cache.get(length)
    if (known !== undefined) return known
    const executable = await Executable.create(make(length).build(), this.options)
    cache.set(length, executable)
    return executable
  }
}

/** Equal chunks of at most `MAX_CHUNK` elements, so that there are one or two shapes. */
function chunksOf({ start, end }: Range): Range[] {
  const length = end - start
  const count = Math.ceil(length / MAX_CHUNK)
  const size = Math.ceil(length / count / 16) * 16
  return Array.from({ length: count }, (_, i) => ({
    start: start + i * size,
    end: start + Math.min(length, (i + 1) * size),
  }))
}

function scalarFeeds(
  { learningRate, beta1, beta2, eps }: AdamWSettings,
  step: number,
  clip: number,
): Record<(typeof SCALARS)[number], Float32Array> {
  return {
    beta1: Float32Array.of(beta1),
    gradientWeight: Float32Array.of((1 - beta1) * clip),
    beta2: Float32Array.of(beta2),
    squareWeight: Float32Array.of((1 - beta2) * clip * clip),
    rootScale: Float32Array.of(1 / Math.sqrt(1 - beta2 ** step)),
    eps: Float32Array.of(eps),
    stepSize: Float32Array.of(learningRate / (1 - beta1 ** step)),
  }
}

function normGraph(length: number): Graph {
  const graph = new Graph()
  const g = graph.input('g', [length])
  graph.output('sum', graph.op('ReduceSumSquare', [g], { shape: [1] }))
  return graph
}

/** Each buffer is read by nodes that come before the one that writes it, so outputs may take their inputs' place. */
function updateGraph(length: number): Graph {
  const graph = new Graph()
  const [p, g, m, v] = ['p', 'g', 'm', 'v'].map((name) => graph.input(name, [length])) as [Value, Value, Value, Value]
  const [beta1, gradientWeight, beta2, squareWeight, rootScale, eps, stepSize] = SCALARS.map((name) =>
    graph.input(name, [1]),
  ) as [Value, Value, Value, Value, Value, Value, Value]
  const mNext = addKernel(mulKernel(m, beta1), mulKernel(g, gradientWeight))
  const vNext = addKernel(mulKernel(v, beta2), mulKernel(mulKernel(g, g), squareWeight))
  const root = addKernel(mulKernel(unaryKernel('Sqrt', vNext), rootScale), eps)
  graph.output('mNext', mNext)
  graph.output('vNext', vNext)
  graph.output('pNext', subKernel(p, mulKernel(divKernel(mNext, root), stepSize)))
  return graph
}
