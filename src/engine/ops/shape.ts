/** Ops that move elements without changing them. */
import type { Dimension } from '../graph/dimension.ts'
import type { Value } from '../graph/graph.ts'
import { asRowsKernel, gatherRowsKernel, reshapeKernel } from './kernels.ts'

export function reshape(x: Value, shape: readonly Dimension[]): Value {
  if (x.shape.join() === shape.join()) return x
  const output = reshapeKernel(x, shape)
  return x.graph.record({ primitive: 'reshape', inputs: [x], output, saved: {}, numbers: {} })
}

/** What is taken, and the way back: see `takeRows`. */
export interface RowChoice {
  /** Elements of a row. */
  readonly width: number
  /** [...] (int32) */
  readonly index: Value
  /** [..., R] (int32) */
  readonly inverse: Value
}

/**
 * Rows `index` [...] of x, whose elements are read as rows of `width`: [..., width]. `inverse` has R places for each row of
 * x, in the order of the rows: where in `index`, counted along all its axes, the row was taken. One that was taken less than
 * R times names places whose gradient is 0 instead. So the gradient is rows taken as well, and not a sum over repeated
 * indices, in which ONNX Runtime's threads race.
 */
export function takeRows(x: Value, { width, index, inverse }: RowChoice): Value {
  const output = gatherRowsKernel(asRowsKernel(x, width), index)
  return x.graph.record({ primitive: 'takeRows', inputs: [x], output, saved: { inverse }, numbers: {} })
}
