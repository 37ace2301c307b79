/**
 * Causal attention with grouped queries (Ainslie et al. 2023). The queries that share a key head stand side by side at
 * each position, so that one product serves them all and no key is repeated.
 */
import type { Graph, Value } from '../graph/graph.ts'
import { addKernel, concatKernel, matmulKernel, sliceKernel } from './kernels.ts'
import { reshape, transpose } from './shape.ts'

export interface AttentionShape {
  readonly batch: number
  readonly length: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
}

/** Low enough to vanish after softmax, high enough to stay finite. */
const MASKED = -1e9

/** Positions per block of queries: smaller blocks skip more of the masked half, larger ones make better products. */
const SMALLEST_BLOCK = 64
const MOST_BLOCKS = 8

/**
 * q [B·T, heads · headDim], k and v [B·T, kvHeads · headDim] → [B·T, heads · headDim]. Position t sees positions ≤ t of
 * its own row, so padding on the right is never seen by what stands before it.
 */
export function causalAttention(q: Value, k: Value, v: Value, shape: AttentionShape): Value {
  const { batch, length, heads, kvHeads, headDim } = shape
  const groups = heads / kvHeads
  const byHead = (x: Value, group: number): Value => {
    const split = reshape(x, [batch, length, kvHeads, group * headDim])
    return reshape(transpose(split, [0, 2, 1, 3]), [batch, kvHeads, length * group, headDim])
  }
  const scale = 1 / Math.sqrt(headDim)
  const mixed = causalAttend(byHead(q, groups), byHead(k, 1), byHead(v, 1), { scale })
  const perHead = transpose(reshape(mixed, [batch, kvHeads, length, groups * headDim]), [0, 2, 1, 3])
  return reshape(perHead, [batch * length, heads * headDim])
}

/**
 * softmax(scale · q kᵀ) v, causal: q [B, K, T · G, h] with the G queries of a position together, k and v [B, K, T, h].
 * Queries are taken in blocks of positions, each against the keys up to its end: what is masked is mostly not computed.
 */
export function causalAttend(q: Value, k: Value, v: Value, options: { scale: number; block?: number }): Value {
  const length = k.dimension(2)
  const groups = q.dimension(2) / length
  const { scale, block } = options
  const blocks = causalBlocks(length, block)
  const saved: Record<string, Value> = {}
  const outputs = blocks.map((end, index, ends) => {
    const start = ends[index - 1] ?? 0
    const [qBlock, kBlock, vBlock] = [
      sliceKernel(q, 2, [start * groups, end * groups]),
      sliceKernel(k, 2, [0, end]),
      sliceKernel(v, 2, [0, end]),
    ]
    const scores = matmulKernel(qBlock, kBlock, { transposeB: true, alpha: scale })
    const masked = addKernel(scores, causalMask(q.graph, { start, end, groups }))
    const weights = q.graph.op('Softmax', [masked], { shape: masked.shape }, { axis: { int: -1 } })
    const output = matmulKernel(weights, vBlock)
    const parts = { q: qBlock, k: kBlock, v: vBlock, p: weights, o: output }
    for (const [name, value] of Object.entries(parts)) saved[`${name}${index}`] = value
    return output
  })
  return q.graph.record({
    primitive: 'causalAttend',
    inputs: [q, k, v],
    output: concatKernel(outputs, 2),
    saved,
    numbers: { scale: [scale], ends: blocks.map((end) => end * groups) },
  })
}

/** Where each of the fewest blocks of at most `block` positions ends; their sizes differ by one at most. */
export function causalBlocks(length: number, block = Math.max(SMALLEST_BLOCK, length / MOST_BLOCKS)): number[] {
  const count = Math.ceil(length / block)
  return Array.from({ length: count }, (_, i) => Math.round(((i + 1) * length) / count))
}

/** [(end − start) · groups, end]: 0 where the row's position, from `start`, sees the column, else `MASKED`. */
function causalMask(graph: Graph, { start, end, groups }: { start: number; end: number; groups: number }): Value {
  return graph.memo(`causalMask:${start}:${end}:${groups}`, () => {
    const rows = (end - start) * groups
    const mask = new Float32Array(rows * end)
    for (let row = 0; row < rows; row++) {
      mask.fill(MASKED, row * end + start + Math.floor(row / groups) + 1, (row + 1) * end)
    }
    return graph.constant(mask, [rows, end])
  })
}
