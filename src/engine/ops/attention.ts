/**
 * Causal attention with grouped queries (Ainslie et al. 2023). The queries that share a key head are laid one group
 * after the other along time, so that one product serves them all and no key is repeated.
 */
import type { Graph, Value } from '../graph/graph.ts'
import { addKernel, matmulKernel } from './kernels.ts'
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

/**
 * q [B·T, heads · headDim], k and v [B·T, kvHeads · headDim] → [B·T, heads · headDim]. Position t sees positions ≤ t of
 * its own row, so padding on the right is never seen by what stands before it.
 */
export function causalAttention(q: Value, k: Value, v: Value, shape: AttentionShape): Value {
  const { batch, length, heads, kvHeads, headDim } = shape
  const groups = heads / kvHeads
  const byHead = (x: Value, group: number): Value => {
    const split = reshape(x, [batch, length, kvHeads, group, headDim])
    return reshape(transpose(split, [0, 2, 3, 1, 4]), [batch, kvHeads, group * length, headDim])
  }
  const mixed = attend(byHead(q, groups), byHead(k, 1), byHead(v, 1), {
    mask: causalMask(q.graph, length, groups),
    scale: 1 / Math.sqrt(headDim),
  })
  const perHead = transpose(reshape(mixed, [batch, kvHeads, groups, length, headDim]), [0, 3, 1, 2, 4])
  return reshape(perHead, [batch * length, heads * headDim])
}

/** softmax(scale · q kᵀ + mask) v over the last two axes: q [B, K, Q, h], k and v [B, K, T, h], mask [Q, T]. */
export function attend(q: Value, k: Value, v: Value, options: { mask: Value; scale: number }): Value {
  const scores = addKernel(matmulKernel(q, k, { transposeB: true, alpha: options.scale }), options.mask)
  const weights = q.graph.op('Softmax', [scores], { shape: scores.shape }, { axis: { int: -1 } })
  const output = matmulKernel(weights, v)
  return q.graph.record({
    primitive: 'attend',
    inputs: [q, k, v],
    output,
    saved: { weights },
    numbers: { scale: [options.scale] },
  })
}

/** [groups · T, T]: 0 where position (row mod T) sees the column, else `MASKED`. One constant per graph. */
function causalMask(graph: Graph, length: number, groups: number): Value {
  return graph.memo(`causalMask:${length}:${groups}`, () => {
    const mask = new Float32Array(groups * length * length)
    for (let row = 0; row < groups * length; row++) {
      mask.fill(MASKED, row * length + (row % length) + 1, (row + 1) * length)
    }
    return graph.constant(mask, [groups * length, length])
  })
}
