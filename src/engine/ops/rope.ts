/** Rotary position embedding. The angles come from outside. */
import type { Value } from '../graph/graph.ts'
import { MICROSOFT } from '../graph/graph.ts'

/** cos and sin tables [positions, headDim / 2], and −sin for the way back (a rotation's transpose turns the other way). */
export interface RopeTables {
  readonly cos: Value
  readonly sin: Value
  readonly negativeSin: Value
}

/** One node: position t of x [B, T, heads · headDim] is rotated by row t of the tables. */
export function ropeKernel(x: Value, cos: Value, sin: Value): Value {
  const offset = x.graph.sharedConstant([0], [1], 'int64')
  return x.graph.op('RotaryEmbedding', [x, offset, cos, sin], { shape: x.shape }, {}, MICROSOFT)
}

/** Rotates the heads of x [B, T, heads · headDim], positions counted from 0 in each row of the batch. */
export function rope(x: Value, tables: RopeTables): Value {
  const { cos, sin, negativeSin } = tables
  const output = ropeKernel(x, cos, sin)
  return x.graph.record({ primitive: 'rope', inputs: [x], output, saved: { cos, negativeSin }, numbers: {} })
}
