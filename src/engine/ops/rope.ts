/** Rotary position embedding. The angles come from outside. */
import type { Value } from '../graph/graph.ts'
import { MICROSOFT } from '../graph/graph.ts'

/** Where every row stands, and the angles there. */
export interface RopeTables {
  /** Positions of the rows that are rotated [N, 1] (int64). */
  readonly positions: Value
  /** cos and sin [positions, headDim / 2], and −sin for the way back (a rotation's transpose turns the other way). */
  readonly cos: Value
  readonly sin: Value
  readonly negativeSin: Value
}

/** One node: the heads of row n of x [N, 1, heads · headDim] are rotated by the angles of `positions[n]`. */
export function ropeKernel(x: Value, positions: Value, cos: Value, sin: Value): Value {
  return x.graph.op('RotaryEmbedding', [x, positions, cos, sin], { shape: x.shape }, {}, MICROSOFT)
}

/** Rotates the heads of x [N, 1, heads · headDim]. */
export function rope(x: Value, { positions, cos, sin, negativeSin }: RopeTables): Value {
  const output = ropeKernel(x, positions, cos, sin)
  return x.graph.record({ primitive: 'rope', inputs: [x], output, saved: { positions, cos, negativeSin }, numbers: {} })
}
