import { expect, test } from 'vitest'
import { rng } from '../../core/rng.ts'
import { Graph, MICROSOFT } from '../graph/graph.ts'
import { Executable } from './executable.ts'
import { largestInt8Weight } from './int8-products.ts'

/** The largest error of a product of numbers near the largest, in parts of the exact result. */
async function worstError(largest: number): Promise<number> {
  const [rows, inputs, outputs] = [5, 160, 48]
  const random = rng(1, 'products')
  const weights = Int8Array.from({ length: inputs * outputs }, () => largest - random.below(8))
  const x = Float32Array.from({ length: rows * inputs }, () => 0.9 + 0.1 * random.uniform())
  const graph = new Graph()
  const operands = [graph.input('x', [rows, inputs]), graph.constant(weights, [inputs, outputs], 'int8')]
  const scale = graph.constant(new Float32Array(outputs).fill(1), [outputs])
  const shape = [rows, outputs]
  graph.output('y', graph.op('DynamicQuantizeMatMul', [...operands, scale], { shape }, {}, MICROSOFT))
  const executable = await Executable.create(graph.build(), { threads: 1 })
  const y = new Float32Array(rows * outputs)
  await executable.run({ x }, { y })
  await executable.release()
  let worst = 0
  for (let row = 0; row < rows; row++) {
    for (let output = 0; output < outputs; output++) {
      let exact = 0
      for (let i = 0; i < inputs; i++) exact += (x[row * inputs + i] ?? 0) * (weights[i * outputs + output] ?? 0)
      worst = Math.max(worst, Math.abs((y[row * outputs + output] ?? NaN) - exact) / exact)
    }
  }
  return worst
}

test('products of the largest weights that are allowed here are off by rounding alone', async () => {
  const largest = await largestInt8Weight()
  expect(await worstError(largest)).toBeLessThan(0.004)
  // Where larger ones are not allowed they would have been wrong.
  if (largest < 127) expect(await worstError(127)).toBeGreaterThan(0.05)
})
