/** The engine in a thread of its own, seen from the main thread. Knows messages, not models. */
import { Worker, type ResourceLimits } from 'node:worker_threads'
import { EngineError, errorMessage } from '../../core/errors.ts'
import { fromWire } from './protocol.ts'
import type { CallOptions, EngineBackend, EngineMethod, EngineMethods, FromWorker, ToWorker } from './protocol.ts'

interface Pending {
  resolve: (value: EngineMethods[EngineMethod]['result']) => void
  reject: (reason: unknown) => void
  onToken: CallOptions['onToken']
}

export class WorkerClient implements EngineBackend {
  private readonly worker: Worker
  private readonly pending = new Map<number, Pending>()
  private counter = 0
  private failure: Error | undefined

  /** @param limits of the thread's own heap, in which tensors do not lie; default those of Node */
  constructor(limits?: ResourceLimits) {
    this.worker = startWorker(limits)
    this.worker.on('message', (message: FromWorker) => {
      this.settle(message)
    })
    this.worker.on('error', (error) => {
      this.fail(crash(errorMessage(error), error))
    })
    this.worker.on('exit', (code) => {
      this.fail(crash(`exit code ${code}`))
    })
  }

  call<M extends EngineMethod>(
    method: M,
    parameters: EngineMethods[M]['parameters'],
    { signal, onToken }: CallOptions = {},
  ): Promise<EngineMethods[M]['result']> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) throw this.failure
      signal?.throwIfAborted()
      const id = ++this.counter
      const onAbort = (): void => {
        this.post({ type: 'abort', id })
        this.pending.get(id)?.reject(signal?.reason)
      }
      const finish = (): void => {
        signal?.removeEventListener('abort', onAbort)
        this.pending.delete(id)
        this.updateReference()
      }
      this.pending.set(id, {
        resolve: (value) => {
          finish()
          resolve(value)
        },
        reject: (reason) => {
          finish()
          reject(reason as Error)
        },
        onToken,
      })
      signal?.addEventListener('abort', onAbort, { once: true })
      this.updateReference()
      this.post({ type: 'call', id, method, parameters: compact(parameters) })
    })
  }

  /** Ends the thread; calls that are not finished reject. */
  async terminate(): Promise<void> {
    this.fail(new Error('the engine has been closed'))
    await this.worker.terminate()
  }

  private post(message: ToWorker): void {
    this.worker.postMessage(message)
  }

  private settle(message: FromWorker): void {
    const call = this.pending.get(message.id)
    if (message.type === 'tokens') for (const event of message.events) call?.onToken?.(event)
    else if (message.type === 'result') call?.resolve(message.value)
    else call?.reject(fromWire(message.error))
  }

  private fail(error: Error): void {
    this.failure ??= error
    for (const call of this.pending.values()) call.reject(this.failure)
  }

  /** An idle engine does not keep the process alive. */
  private updateReference(): void {
    if (this.pending.size > 0) this.worker.ref()
    else this.worker.unref()
  }
}

/** Structured cloning copies the whole buffer behind a view: views of larger buffers are cut out first. */
function compact<T>(parameters: T): T {
  if (typeof parameters !== 'object' || parameters === null) return parameters
  const entries = Object.entries(parameters).map(([key, value]: [string, unknown]) => [
    key,
    Array.isArray(value) ? value.map((item: unknown) => cutOut(item)) : value,
  ])
  return Object.fromEntries(entries) as T
}

function cutOut(item: unknown): unknown {
  const isPart = ArrayBuffer.isView(item) && item.byteLength < item.buffer.byteLength
  return isPart && !(item instanceof DataView) ? (item as Float32Array).slice() : item
}

/** Until `terminate` has said otherwise, a thread that ends has ended by itself. */
function crash(reason: string, cause?: unknown): EngineError {
  return new EngineError(
    `the engine's thread ended by itself (${reason}): what was finished is kept; run the same command again, ` +
      'with fewer slots or shorter sequences if memory ran out',
    { cause },
  )
}

/** Beside this file: `entry.js` when built; from the sources, a step that can load TypeScript comes first. */
function startWorker(resourceLimits?: ResourceLimits): Worker {
  const options = resourceLimits === undefined ? {} : { resourceLimits }
  return import.meta.url.endsWith('.ts')
    ? new Worker(new URL('./dev-entry.mjs', import.meta.url), options)
    : new Worker(new URL('./entry.js', import.meta.url), options)
}
