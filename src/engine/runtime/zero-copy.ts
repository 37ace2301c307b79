/**
 * The one file that knows why outputs need no copy, and that checks it before anything relies on it.
 *
 * onnxruntime-node 1.30 writes a preallocated output in place and then copies it once more into a fresh buffer for the
 * result object, which costs ten times the work of an element-wise update. Results are converted in the order of the
 * model's outputs, and a sequence cannot be converted: it throws. So every model has a sequence as its first output;
 * asking for it makes the binding stop after the run and before the first copy. The self-test runs a small model on
 * first use; when a later version behaves otherwise, `Executable` falls back to plain runs with copies.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { Graph, SENTINEL_OUTPUT } from '../graph/graph.ts'

const SENTINEL_MESSAGE = 'Non tensor type is temporarily not supported'

/** Whether the binding stopped at the sentinel, that is, the run itself has succeeded. */
export function isSentinelError(error: unknown): boolean {
  return error instanceof Error && error.message.includes(SENTINEL_MESSAGE)
}

let verdict: Promise<boolean> | undefined

/** Whether this build of ONNX Runtime fills preallocated outputs, aliased ones too, and stops at the sentinel. Tested once. */
export function zeroCopyWorks(): Promise<boolean> {
  verdict ??= selfTest()
  return verdict
}

/**
 * Two runs with the same tensor objects, whose buffers change in between: outputs fill their buffers, an element-wise sum
 * and a product land in the place of one of their operands, and what is fed is read anew.
 */
async function selfTest(): Promise<boolean> {
  const graph = new Graph()
  const [a, b] = [graph.input('a', [4]), graph.input('b', [4])]
  const [matrix, onto] = [graph.input('matrix', [2, 2]), graph.input('onto', [2, 2])]
  graph.output('sum', graph.op('Add', [a, b], { shape: [4] }))
  graph.output('product', graph.op('Mul', [b, b], { shape: [4] }))
  graph.output('accumulated', graph.op('Gemm', [matrix, matrix, onto], { shape: [2, 2] }))
  const session = await InferenceSession.create(graph.build(), { executionProviders: ['cpu'], intraOpNumThreads: 1 })
  try {
    const data = {
      a: Float32Array.of(1, 2, 3, 4),
      b: Float32Array.of(5, 6, 7, 8),
      matrix: Float32Array.of(1, 2, 3, 4),
      onto: Float32Array.of(1, 1, 1, 1),
      product: new Float32Array(4),
    }
    const square = (values: Float32Array): Tensor => new Tensor('float32', values, [2, 2])
    const feeds = { a: vector(data.a), b: vector(data.b), matrix: square(data.matrix), onto: square(data.onto) }
    const tensors = { feeds, outputs: { sum: feeds.a, product: vector(data.product), accumulated: feeds.onto } }
    const first = await stopsAtSentinel(session, tensors)
    data.b.set([1, 1, 1, 1])
    data.matrix.set([2, 0, 0, 2])
    const second = await stopsAtSentinel(session, tensors)
    const results = [data.a, data.product, data.onto].map((values) => values.join())
    return first && second && results.join(';') === '7,9,11,13;1,1,1,1;12,11,16,27'
  } finally {
    await session.release()
  }
}

function vector(values: Float32Array): Tensor {
  return new Tensor('float32', values, [4])
}

async function stopsAtSentinel(
  session: InferenceSession,
  tensors: { feeds: Record<string, Tensor>; outputs: Record<string, Tensor> },
): Promise<boolean> {
  try {
    await session.run(tensors.feeds, { [SENTINEL_OUTPUT]: null, ...tensors.outputs })
    return false
  } catch (error) {
    return isSentinelError(error)
  }
}
