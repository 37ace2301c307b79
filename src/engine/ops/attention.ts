/**
 * Causal attention with grouped queries (Ainslie et al. 2023). The queries that share a key head stand side by side at
 * each position, so that one product serves them all and no key is repeated.
 */
import type { Graph, Value } from '../graph/graph.ts'
import {
  addKernel,
  concatKernel,
  lastAxisKernel,
  matmulKernel,
  padKernel,
  reshapeKernel,
  sliceKernel,
} from './kernels.ts'
import { reshape, takeRows } from './shape.ts'

/** Added to the score of what must not be seen: low enough to vanish after softmax, high enough to stay finite. */
const MASKED = -1e9

/** Positions per block of queries: smaller blocks skip more of the masked half, larger ones make better products. */
const SMALLEST_BLOCK = 64
const MOST_BLOCKS = 8

/**
 * How N packed tokens stand in S rows of T positions, one row for each sequence. A token stands in as many rows as share it,
 * R at most; what a sequence leaves free is filled with a token of padding, which must get no gradient. Indices (int32)
 * are of a key head: token · K + head, and (row · K + head) · T + position.
 */
export interface RowPlaces {
  /** [S, K, T]: what stands in each place. */
  readonly tokens: Value
  /** [S, K, T, 1]: the same in the row that a token's result is taken from, padding elsewhere. */
  readonly owners: Value
  /** [N, K, R]: where a token stands, the row that its result is taken from first. Missing ones are places of padding. */
  readonly places: Value
}

export interface HeadShape {
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
}

/**
 * q [N, heads · headDim], k and v [N, kvHeads · headDim] → [N, heads · headDim]. A token sees those before it in its row
 * and itself; padding stands behind them.
 */
export function causalAttention(
  q: Value,
  k: Value,
  v: Value,
  { heads, kvHeads, headDim, ...rows }: HeadShape & RowPlaces,
): Value {
  const groups = heads / kvHeads
  const [sequences, queries] = [rows.tokens.extent(0), rows.tokens.dimension(2) * groups]
  const inRows = (x: Value, width: number): Value => takeRows(x, { width, index: rows.tokens, inverse: rows.places })
  const mixed = causalAttend(
    reshape(inRows(q, groups * headDim), [sequences, kvHeads, queries, headDim]),
    inRows(k, headDim),
    inRows(v, headDim),
    { scale: 1 / Math.sqrt(headDim) },
  )
  const width = groups * headDim
  return reshape(takeRows(mixed, { width, index: lastAxisKernel(rows.places, 0), inverse: rows.owners }), q.shape)
}

/**
 * softmax(scale · q kᵀ) v, causal: q [S, K, T · G, h] with the G queries of a position together, k and v [S, K, T, h].
 * Queries are taken in blocks of positions, each against the keys up to its end: what is masked is mostly not computed.
 */
export function causalAttend(q: Value, k: Value, v: Value, options: { scale: number; block?: number }): Value {
  const positions = k.dimension(2)
  const groups = q.dimension(2) / positions
  const { scale, block } = options
  const ends = causalBlocks(positions, block)
  const saved: Record<string, Value> = {}
  const outputs = ends.map((end, index) => {
    const start = ends[index - 1] ?? 0
    const qBlock = sliceKernel(q, 2, [start * groups, end * groups])
    const [kBlock, vBlock] = [sliceKernel(k, 2, [0, end]), sliceKernel(v, 2, [0, end])]
    const scores = matmulKernel(qBlock, kBlock, { transposeB: true, alpha: scale })
    const weights = causalSoftmax(scores, [start, end])
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
    numbers: { scale: [scale], ends: ends.map((end) => end * groups) },
  })
}

/** Where each of the fewest blocks of at most `block` positions ends; their sizes differ by one at most. */
export function causalBlocks(length: number, block = Math.max(SMALLEST_BLOCK, length / MOST_BLOCKS)): number[] {
  const count = Math.ceil(length / block)
  return Array.from({ length: count }, (_, i) => Math.round(((i + 1) * length) / count))
}

/** Over the keys, of scores [S, K, (end − start) · G, end] of the positions from `start` on. */
function causalSoftmax(scores: Value, [start, end]: readonly [number, number]): Value {
  const { graph, shape } = scores
  const [sequences = 1, kvHeads = 1] = shape
  const groups = scores.dimension(2) / (end - start)
  // The queries of a position see the same, so one row of the mask serves them all.
  const byPosition = groups === 1 ? scores : reshapeKernel(scores, [sequences, kvHeads, end - start, groups, end])
  const mask = reshapeKernel(causalMask(graph, start, end), groups === 1 ? [end - start, end] : [end - start, 1, end])
  const masked = addKernel(byPosition, mask)
  const weights = graph.op('Softmax', [masked], { shape: masked.shape }, { axis: { int: -1 } })
  return groups === 1 ? weights : reshapeKernel(weights, shape)
}

/** [end − start, end]: 0 where a position from `start` on sees the key, else `MASKED`. */
function causalMask(graph: Graph, start: number, end: number): Value {
  const size = end - start
  // A model holds only the square on the diagonal: what is before it is seen, and is zeros.
  const square = graph.memo(`causalMask:${size}`, () => {
    const mask = new Float32Array(size * size)
    for (let row = 0; row < size; row++) mask.fill(MASKED, row * size + row + 1, (row + 1) * size)
    return graph.constant(mask, [size, size])
  })
  return graph.memo(`causalMask:${start}:${end}`, () => padKernel(square, 1, end, start))
}
