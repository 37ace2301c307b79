/** Ops that move elements without changing them. */
import type { Value } from '../graph/graph.ts'
import { reshapeKernel, transposeKernel } from './kernels.ts'

export function reshape(x: Value, shape: readonly number[]): Value {
  if (x.shape.join() === shape.join()) return x
  const output = reshapeKernel(x, shape)
  return x.graph.record({ primitive: 'reshape', inputs: [x], output, saved: {}, numbers: {} })
}

/** Axis i of the result is axis `permutation[i]` of x. */
export function transpose(x: Value, permutation: readonly number[]): Value {
  const output = transposeKernel(x, permutation)
  return x.graph.record({ primitive: 'transpose', inputs: [x], output, saved: {}, numbers: { permutation } })
}
