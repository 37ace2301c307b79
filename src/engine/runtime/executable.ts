/**
 * A compiled graph. The only importer of onnxruntime-node; knows names, shapes and buffers, not what is computed.
 *
 * `run` reads and writes typed arrays in place. An output may be the same array as an input when the graph reads that
 * input before it writes that output (element-wise updates, the C input of a Gemm, the caches of attention).
 */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { TensorData } from '../graph/dtype.ts'
import { sizeOf } from '../graph/dtype.ts'
import { SENTINEL_OUTPUT } from '../graph/graph.ts'
import { isSentinelError, zeroCopyWorks } from './zero-copy.ts'

/** What a graph can be run on: the processor, or the GPU through WebGPU (Vulkan, Metal, Direct3D 12). */
export type Device = 'cpu' | 'webgpu'

export interface ExecutableOptions {
  /** Default `cpu`. What the device has no kernel for still runs on the processor. */
  readonly device?: Device
  /** Threads within one operator. Default: what ONNX Runtime chooses (the number of physical cores). */
  readonly threads?: number
  /** How far ONNX Runtime may rewrite the graph. Default `basic`. */
  readonly optimization?: 'disabled' | 'basic' | 'extended' | 'all'
  /** Keep freed memory in a pool of this executable's own. Default true; off shares it with the process. */
  readonly arena?: boolean
  /** Let idle threads of other executables sleep while this one runs. Default true. */
  readonly stopSpinning?: boolean
  /** Default: what the self-test found. `false` runs the plain way, with a copy of each output. */
  readonly zeroCopy?: boolean
}

/** A buffer, or a buffer with its shape where the graph leaves it open. */
export type Feed = TensorData | { readonly data: TensorData; readonly shape: readonly number[] }

export class Executable {
  private session: InferenceSession | undefined
  private readonly zeroCopy: boolean
  private readonly shapes: ReadonlyMap<string, readonly (number | string)[]>
  private readonly tensors = new Map<string, { data: TensorData; tensor: Tensor }>()

  private constructor(session: InferenceSession, zeroCopy: boolean) {
    this.session = session
    this.zeroCopy = zeroCopy
    this.shapes = shapesOf(session)
  }

  /** Compiles a serialised model (`Graph.build()`). Rejects when ONNX Runtime cannot, or there is no such device. */
  static async create(model: Uint8Array, options: ExecutableOptions = {}): Promise<Executable> {
    const zeroCopy = options.zeroCopy ?? (await zeroCopyWorks())
    const session = await InferenceSession.create(model, sessionOptions(options))
    return new Executable(session, zeroCopy && session.outputNames[0] === SENTINEL_OUTPUT)
  }

  /**
   * Runs the graph on `feeds` (all inputs) and fills the buffers of `outputs` (those named, no others).
   * Throws RangeError when a buffer's length does not fit the shape, Error after `release`.
   */
  async run(feeds: Readonly<Record<string, Feed>>, outputs: Readonly<Record<string, Feed>>): Promise<void> {
    if (this.session === undefined) throw new Error('Executable: used after release()')
    const inputTensors = this.wrap(feeds)
    const outputTensors = this.wrap(outputs)
    if (this.zeroCopy) await runInPlace(this.session, inputTensors, outputTensors)
    else await runAndCopy(this.session, inputTensors, outputTensors)
  }

  /** Frees the session. Safe to call twice. */
  async release(): Promise<void> {
    const session = this.session
    this.session = undefined
    this.tensors.clear()
    await session?.release()
  }

  private wrap(buffers: Readonly<Record<string, Feed>>): Record<string, Tensor> {
    return Object.fromEntries(Object.entries(buffers).map(([name, feed]) => [name, this.tensor(name, feed)]))
  }

  /** Tensor objects are kept between runs: making one costs microseconds, and there are hundreds per run. */
  private tensor(name: string, feed: Feed): Tensor {
    if ('shape' in feed) return makeTensor(feed.data, feed.shape)
    const known = this.tensors.get(name)
    if (this.zeroCopy && known?.data === feed) return known.tensor
    const shape = this.shapes.get(name)
    if (shape === undefined) throw new RangeError(`Executable: the graph has no input or output ${name}`)
    const fixed = shape.filter((dimension) => typeof dimension === 'number')
    if (fixed.length !== shape.length) throw new RangeError(`Executable: ${name} needs a shape with its buffer`)
    if (sizeOf(fixed) !== feed.length) {
      throw new RangeError(`Executable: ${name} has shape [${fixed.join(', ')}], the buffer ${feed.length} elements`)
    }
    const tensor = makeTensor(feed, fixed)
    this.tensors.set(name, { data: feed, tensor })
    return tensor
  }
}

function shapesOf(session: InferenceSession): Map<string, readonly (number | string)[]> {
  const shapes = new Map<string, readonly (number | string)[]>()
  for (const metadata of [...session.inputMetadata, ...session.outputMetadata]) {
    if (metadata.isTensor) shapes.set(metadata.name, metadata.shape)
  }
  return shapes
}

function makeTensor(data: TensorData, shape: readonly number[]): Tensor {
  if (data instanceof Float32Array) return new Tensor('float32', data, shape)
  if (data instanceof Int32Array) return new Tensor('int32', data, shape)
  if (data instanceof BigInt64Array) return new Tensor('int64', data, shape)
  if (data instanceof Int8Array) return new Tensor('int8', data, shape)
  return new Tensor('uint8', data, shape)
}

function sessionOptions(options: ExecutableOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: [options.device ?? 'cpu'],
    graphOptimizationLevel: options.optimization ?? 'basic',
    enableCpuMemArena: options.arena ?? true,
    enableMemPattern: options.arena ?? true,
    logSeverityLevel: 4,
    ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
    extra: { session: { force_spinning_stop: (options.stopSpinning ?? true) ? '1' : '0' } },
  }
}

/** Asks for the sentinel first: the binding gives up on it after the run and never copies the outputs behind it. */
async function runInPlace(
  session: InferenceSession,
  feeds: Record<string, Tensor>,
  outputs: Record<string, Tensor>,
): Promise<void> {
  try {
    await session.run(feeds, { [SENTINEL_OUTPUT]: null, ...outputs })
  } catch (error) {
    if (isSentinelError(error)) return
    throw error
  }
  throw new Error('Executable: the run ended without meeting the sentinel output')
}

async function runAndCopy(
  session: InferenceSession,
  feeds: Record<string, Tensor>,
  outputs: Record<string, Tensor>,
): Promise<void> {
  const results = await session.run(feeds, outputs)
  for (const [name, wanted] of Object.entries(outputs)) {
    const data = results[name]?.data
    if (data === undefined || data === wanted.data) continue
    copyInto(wanted.data as TensorData, data as TensorData)
  }
}

function copyInto(target: TensorData, source: TensorData): void {
  const bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
  new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(bytes)
}
