/**
 * The output head of a language model: log-probabilities of given targets. The logits are taken in blocks of rows, so
 * that they are never larger than `MAX_LOGITS` elements at once; a one-hot of the targets never exists.
 */
import type { Value } from '../graph/graph.ts'
import { concatKernel, gemmKernel, reshapeKernel, sliceKernel } from './kernels.ts'

/** 128 MiB of float32. */
const MAX_LOGITS = 1 << 25

/** log softmax(x · weightᵀ) at the targets: x [N, d], weight [V, d], targets [N] (int32) → [N], nats. */
export function targetLogprobs(x: Value, weight: Value, targets: Value, maxLogits = MAX_LOGITS): Value {
  const rows = Math.max(1, Math.floor(maxLogits / weight.dimension(0)))
  const blocks = rowBlocks(x.dimension(0), rows).map(([start, end]) => {
    const logprobs = blockLogprobs(sliceKernel(x, 0, [start, end]), weight)
    const index = reshapeKernel(sliceKernel(targets, 0, [start, end]), [end - start, 1])
    const picked = x.graph.op('GatherElements', [logprobs, index], { shape: index.shape }, { axis: { int: 1 } })
    return { start, logprobs, picked: reshapeKernel(picked, [end - start]) }
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

function blockLogprobs(x: Value, weight: Value): Value {
  const logits = gemmKernel(x, weight, { transposeB: true })
  return x.graph.op('LogSoftmax', [logits], { shape: logits.shape }, { axis: { int: -1 } })
}

function rowBlocks(count: number, size: number): [number, number][] {
  const blocks: [number, number][] = []
  for (let start = 0; start < count; start += size) blocks.push([start, Math.min(count, start + size)])
  return blocks
}
