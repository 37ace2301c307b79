import { expect, it } from 'vitest'
import { EngineError } from '../../core/errors.ts'
import { WorkerClient } from './client.ts'

it('says that the thread ended by itself, to the calls in flight and to all later ones', async () => {
  // Too little for the program itself: the thread runs out of memory for real.
  const client = new WorkerClient({ maxOldGenerationSizeMb: 2 })
  const calls = [client.call('stats', undefined), client.call('stats', undefined)]
  for (const call of calls) await expect(call).rejects.toThrow(EngineError)
  await expect(client.call('stats', undefined)).rejects.toThrow(/ended by itself .*memory.*run the same command again/)
  await client.terminate()
})

it('says that it was closed when it was', async () => {
  const client = new WorkerClient()
  const rejected = expect(client.call('stats', undefined)).rejects.toThrow(/has been closed/)
  await client.terminate()
  await rejected
})
