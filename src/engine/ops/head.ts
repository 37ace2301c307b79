/**
 * The output head of a language model: log-probabilities of given targets. The logits are taken in blocks of rows, so
 * that they are never larger than `MAX_LOGITS` elements at once; a one-hot of the targets never exists.
 */
import type { Dimension } from '../graph/dimension.ts'
import type { Value } from '../graph/graph.ts'
import {
  concatKernel,
  delayedKernel,
  gatherRowsKernel,
  gemmKernel,
  mulKernel,
  reshapeKernel,
  sliceKernel,
  unaryKernel,
} from './kernels.ts'

/** 128 MiB of float32. */
export const MAX_LOGITS = 1 << 25

/**
 * What is known of the gradient before the pass. The derivative of the loss by each log-probability is often given, and
 * then the gradient of the head is taken block by block with the logits still there, and no block outlives its turn.
 */
export interface KnownGradient {
  /** [N] */
  readonly seeds: Value
  /** The tensor that the gradient of `weight` is added onto; absent when that is not wanted. */
  readonly onto?: Value | undefined
}

export interface HeadOptions {
  readonly maxLogits?: number | undefined
  readonly known?: KnownGradient | undefined
}

/** log softmax(x · weightᵀ) at the targets: x [N, d], weight [V, d], targets [N] (int32) → [N], nats. */
export function targetLogprobs(x: Value, weight: Value, targets: Value, options: HeadOptions = {}): Value {
  const { maxLogits = MAX_LOGITS, known } = options
  const ranges = headBlocks(x.extent(0), weight.dimension(0), maxLogits)
  if (known !== undefined && ranges.length > 1) return withGradient({ x, weight, targets, known, ranges })
  const blocks = (ranges.length > 1 ? ranges : [undefined]).map((range) => {
    const part = (value: Value): Value => (range === undefined ? value : sliceKernel(value, 0, range))
    const logprobs = blockLogprobs(part(x), weight)
    return { start: range?.[0] ?? 0, logprobs, picked: pick(logprobs, part(targets)) }
  })
  const output = concatKernel(
    blocks.map((block) => block.picked),
    0,
  )
  return x.graph.record({
    primitive: 'targetLogprobs',
    inputs: [x, weight, targets],
    output,
    saved: Object.fromEntries(blocks.map((block) => [String(block.start), block.logprobs])),
    numbers: {},
  })
}

interface Head {
  readonly x: Value
  readonly weight: Value
  readonly targets: Value
  readonly known: KnownGradient
  readonly ranges: readonly (readonly [number, number])[]
}

/** What the backward rule multiplies with the seeds: ∂ℓ/∂x = W[target] − p W, by row; and the whole of dW = −pᵀ (g x). */
function withGradient({ x, weight, targets, known, ranges }: Head): Value {
  const picked: Value[] = []
  const slopes: Value[] = []
  let dWeight = known.onto
  for (const range of ranges) {
    const before = [picked.at(-1), slopes.at(-1), picked.length > 0 ? dWeight : undefined].filter(
      (value) => value !== undefined,
    )
    const rows = sliceKernel(x, 0, range)
    const block = before.length === 0 ? rows : delayedKernel(rows, before)
    const blockTargets = sliceKernel(targets, 0, range)
    const logprobs = blockLogprobs(block, weight)
    const probabilities = unaryKernel('Exp', logprobs)
    picked.push(pick(logprobs, blockTargets))
    slopes.push(gemmKernel(probabilities, weight, { alpha: -1, onto: gatherRowsKernel(weight, blockTargets) }))
    if (dWeight === undefined) continue
    const scale = reshapeKernel(sliceKernel(known.seeds, 0, range), [range[1] - range[0], 1])
    dWeight = gemmKernel(probabilities, mulKernel(block, scale), { transposeA: true, alpha: -1, onto: dWeight })
  }
  const { seeds, onto } = known
  const saved = {
    seeds,
    slopes: concatKernel(slopes, 0),
    ...(dWeight === undefined || onto === undefined ? {} : { onto, dWeight }),
  }
  const output = concatKernel(picked, 0)
  return x.graph.record({ primitive: 'targetLogprobsAhead', inputs: [x, weight, targets], output, saved, numbers: {} })
}

function pick(logprobs: Value, targets: Value): Value {
  const index = reshapeKernel(targets, [targets.extent(0), 1])
  const picked = logprobs.graph.op('GatherElements', [logprobs, index], { shape: index.shape }, { axis: { int: 1 } })
  return reshapeKernel(picked, targets.shape)
}

function blockLogprobs(x: Value, weight: Value): Value {
  const logits = gemmKernel(x, weight, { transposeB: true })
  return x.graph.op('LogSoftmax', [logits], { shape: logits.shape }, { axis: { int: -1 } })
}

/** The rows of each block. An open number of rows is one block: then the caller sees to it that they are few. */
function headBlocks(rows: Dimension, vocabulary: number, maxLogits: number): [number, number][] {
  if (typeof rows !== 'number') return []
  const size = Math.max(1, Math.floor(maxLogits / vocabulary))
  const blocks: [number, number][] = []
  for (let start = 0; start < rows; start += size) blocks.push([start, Math.min(rows, start + size)])
  return blocks
}
