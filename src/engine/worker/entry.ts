/** What runs in the engine's thread: messages in, calls on the core, messages out. */
import { parentPort } from 'node:worker_threads'
import { EngineCore } from './core.ts'
import { toWire } from './protocol.ts'
import type { FromWorker, ToWorker } from './protocol.ts'

if (parentPort === null) throw new Error('engine: worker/entry runs in a worker thread only')
const port = parentPort
const core = new EngineCore()
const running = new Map<number, AbortController>()

function send(message: FromWorker): void {
  port.postMessage(message)
}

async function serve({ id, method, parameters }: Extract<ToWorker, { type: 'call' }>): Promise<void> {
  const controller = new AbortController()
  running.set(id, controller)
  try {
    send({ type: 'result', id, value: await core.call(method, parameters, controller.signal) })
  } catch (error) {
    send({ type: 'error', id, error: toWire(error) })
  } finally {
    running.delete(id)
  }
}

port.on('message', (message: ToWorker) => {
  if (message.type === 'call') void serve(message)
  else running.get(message.id)?.abort()
})
