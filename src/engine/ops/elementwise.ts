/** Element-wise ops. */
import type { Value } from '../graph/graph.ts'
import { addKernel, mulKernel, unaryKernel } from './kernels.ts'

function sameShape(op: string, a: Value, b: Value): void {
  if (a.shape.join() !== b.shape.join()) {
    throw new RangeError(`${op}: shapes [${a.shape.join(', ')}] and [${b.shape.join(', ')}] differ`)
  }
}

/** a + b, of equal shapes. */
export function add(a: Value, b: Value): Value {
  sameShape('add', a, b)
  return a.graph.record({ primitive: 'add', inputs: [a, b], output: addKernel(a, b), saved: {}, numbers: {} })
}

/** silu(gate) · up, of equal shapes (Shazeer 2020, SwiGLU). */
export function swiglu(gate: Value, up: Value): Value {
  sameShape('swiglu', gate, up)
  // Not silu in one kernel: the gradient wants the sigmoid, and then not the gate.
  const sigmoid = unaryKernel('Sigmoid', gate)
  const activation = mulKernel(gate, sigmoid)
  const output = mulKernel(activation, up)
  const saved = { sigmoid, activation }
  return gate.graph.record({ primitive: 'swiglu', inputs: [gate, up], output, saved, numbers: {} })
}
