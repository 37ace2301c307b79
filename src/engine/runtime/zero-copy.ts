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

async function selfTest(): Promise<boolean> {
  const graph = new Graph()
  const a = graph.input('a', [4])
  const b = graph.input('b', [4])
  graph.output('sum', graph.op('Add', [a, b], { shape: [4] }))
  graph.output('product', graph.op('Mul', [b, b], { shape: [4] }))
  const session = await InferenceSession.create(graph.build(), { executionProviders: ['cpu'], intraOpNumThreads: 1 })
  try {
    const accumulator = Float32Array.of(1, 2, 3, 4)
    const product = new Float32Array(4)
    const shared = new Tensor('float32', accumulator, [4])
    const stopped = await stopsAtSentinel(session, {
      feeds: { a: shared, b: new Tensor('float32', Float32Array.of(5, 6, 7, 8), [4]) },
      outputs: { sum: shared, product: new Tensor('float32', product, [4]) },
    })
    return stopped && accumulator.join() === '6,8,10,12' && product.join() === '25,36,49,64'
  } finally {
    await session.release()
  }
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
