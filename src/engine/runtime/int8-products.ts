/**
 * Checks how ONNX Runtime multiplies unsigned by signed bytes here. A processor without instructions for it adds two products
 * in 16 bits, which overflow (and stay at the largest number) where both weights are large: answers are then wrong by far
 * more than rounding. Weights of up to 64 never overflow: 2 · 255 · 64 < 2¹⁵.
 */
import { Graph, MICROSOFT } from '../graph/graph.ts'
import { Executable } from './executable.ts'

const LARGEST = 127
const LARGEST_IN_PAIRS = 64

let verdict: Promise<number> | undefined

/** The largest weight that int8 products may have here. Tested once. */
export function largestInt8Weight(): Promise<number> {
  verdict ??= selfTest()
  return verdict
}

/** Products of the largest numbers that there are. */
async function selfTest(): Promise<number> {
  const [rows, inputs, outputs] = [4, 64, 32]
  const graph = new Graph()
  const weight = graph.constant(new Int8Array(inputs * outputs).fill(LARGEST), [inputs, outputs], 'int8')
  const scale = graph.constant(new Float32Array(outputs).fill(1), [outputs])
  const x = graph.input('x', [rows, inputs])
  const product = graph.op('DynamicQuantizeMatMul', [x, weight, scale], { shape: [rows, outputs] }, {}, MICROSOFT)
  graph.output('product', product)
  const executable = await Executable.create(graph.build(), { threads: 1 })
  const results = new Float32Array(rows * outputs)
  await executable.run({ x: new Float32Array(rows * inputs).fill(1) }, { product: results })
  await executable.release()
  const expected = inputs * LARGEST
  return results.every((result) => Math.abs(result - expected) < 1e-3 * expected) ? LARGEST : LARGEST_IN_PAIRS
}
