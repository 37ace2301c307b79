/**
 * Causal attention with grouped queries (Ainslie et al. 2023). The queries that share a key head stand side by side at
 * each position, so that one product serves them all and no key is repeated.
 */
import type { Graph, Value } from '../graph/graph.ts'
import { addKernel, concatKernel, matmulKernel, padKernel, sliceKernel } from './kernels.ts'
import { reshape, transpose } from './shape.ts'

/** Added to the score of what must not be seen: low enough to vanish after softmax, high enough to stay finite. */
export const MASKED = -1e9

/** Positions per block of queries: smaller blocks skip more of the masked half, larger ones make better products. */
const SMALLEST_BLOCK = 64
const MOST_BLOCKS = 8

/** A row of positions: a common beginning, and `branches` that each go on from it and do not see each other. */
export interface RowLayout {
  /** Positions of the beginning; 0 for plain sequences, which are one branch. */
  readonly prefix: number
  readonly branches: number
  /** Positions of each branch. */
  readonly length: number
  /** Added to the scores of the beginning's positions [B, 1, 1, prefix]: `MASKED` where that is padding, else 0. */
  readonly padding?: Value | undefined
}

export interface AttentionShape extends RowLayout {
  readonly batch: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
}

/**
 * q [B·T, heads · headDim], k and v [B·T, kvHeads · headDim] → [B·T, heads · headDim], T positions in the layout of the
 * shape. A position sees those before it of the beginning and of its own branch, so padding behind is never seen.
 */
export function causalAttention(q: Value, k: Value, v: Value, shape: AttentionShape): Value {
  const { batch, heads, kvHeads, headDim } = shape
  const positions = shape.prefix + shape.branches * shape.length
  const groups = heads / kvHeads
  const byHead = (x: Value, group: number): Value => {
    const split = reshape(x, [batch, positions, kvHeads, group * headDim])
    return reshape(transpose(split, [0, 2, 1, 3]), [batch, kvHeads, positions * group, headDim])
  }
  const options = { scale: 1 / Math.sqrt(headDim), layout: shape }
  const mixed = causalAttend(byHead(q, groups), byHead(k, 1), byHead(v, 1), options)
  const perHead = transpose(reshape(mixed, [batch, kvHeads, positions, groups * headDim]), [0, 2, 1, 3])
  return reshape(perHead, [batch * positions, heads * headDim])
}

/** Positions `start` … `end` − 1. */
type Range = readonly [start: number, end: number]

/** Queries that are taken together, and the positions they may see: of the beginning, and of their own branch. */
interface Block {
  readonly queries: Range
  readonly keys: readonly Range[]
}

/**
 * softmax(scale · q kᵀ) v, causal: q [B, K, T · G, h] with the G queries of a position together, k and v [B, K, T, h].
 * Queries are taken in blocks of positions, each against the keys up to its end: what is masked is mostly not computed.
 */
export function causalAttend(
  q: Value,
  k: Value,
  v: Value,
  options: { scale: number; block?: number; layout?: RowLayout },
): Value {
  const positions = k.dimension(2)
  const groups = q.dimension(2) / positions
  const { scale, block, layout = { prefix: 0, branches: 1, length: positions } } = options
  const blocks = blocksOf(layout, block)
  const saved: Record<string, Value> = {}
  const outputs = blocks.map(({ queries, keys }, index) => {
    const qBlock = sliceKernel(q, 2, [queries[0] * groups, queries[1] * groups])
    const [kBlock, vBlock] = [k, v].map((x) =>
      concatKernel(
        keys.map((range) => sliceKernel(x, 2, range)),
        2,
      ),
    ) as [Value, Value]
    const scores = matmulKernel(qBlock, kBlock, { transposeB: true, alpha: scale })
    const masked = addKernel(scores, blockMask(q.graph, { queries, keys }, groups, layout))
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
    numbers: {
      scale: [scale],
      ends: blocks.map(({ queries }) => queries[1] * groups),
      ...Object.fromEntries(blocks.map(({ keys }, index) => [`keys${index}`, keys.flat()])),
    },
  })
}

/** Where each of the fewest blocks of at most `block` positions ends; their sizes differ by one at most. */
export function causalBlocks(length: number, block = Math.max(SMALLEST_BLOCK, length / MOST_BLOCKS)): number[] {
  const count = Math.ceil(length / block)
  return Array.from({ length: count }, (_, i) => Math.round(((i + 1) * length) / count))
}

/** The blocks of the beginning and of each branch, in the order of their positions. */
function blocksOf({ prefix, branches, length }: RowLayout, block: number | undefined): Block[] {
  const within = (start: number, size: number): Block[] =>
    causalBlocks(size, block).map((end, i, ends) => ({
      queries: [start + (ends[i - 1] ?? 0), start + end],
      keys:
        start > prefix
          ? [[0, prefix] as const, [start, start + end] as const].filter(([a, b]) => b > a)
          : [[0, start + end]],
    }))
  const starts = Array.from({ length: branches }, (_, branch) => prefix + branch * length)
  return [...(prefix > 0 ? within(0, prefix) : []), ...starts.flatMap((start) => within(start, length))]
}

/** [queries · groups, keys]: 0 where the query's position sees the key's, else `MASKED`; with padding [B, 1, …]. */
function blockMask(graph: Graph, block: Block, groups: number, { prefix, padding }: RowLayout): Value {
  const { queries, keys } = block
  const columns = keys.flatMap(([start, end]) => Array.from({ length: end - start }, (_, i) => start + i))
  const key = `${queries.join()}:${keys.join()}:${groups}`
  return graph.memo(`blockMask:${key}`, () => {
    const rows = (queries[1] - queries[0]) * groups
    const mask = new Float32Array(rows * columns.length)
    for (let row = 0; row < rows; row++) {
      const position = queries[0] + Math.floor(row / groups)
      columns.forEach((column, i) => {
        if (column > position) mask[row * columns.length + i] = MASKED
      })
    }
    const causal = graph.constant(mask, [rows, columns.length])
    if (padding === undefined) return causal
    // The beginning's columns come first.
    const padded = sliceKernel(padding, 3, [0, Math.min(prefix, columns.length)])
    return addKernel(causal, padKernel(padded, 3, columns.length))
  })
}
