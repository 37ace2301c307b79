/** The Tinker backend against a server written from the protocol's description; the real one is in `test/peers/skyrl.test.ts`. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { Clock } from '../../core/clock.ts'
import { readTar } from '../../store/index.ts'
import { describeTrainableModel } from '../testing/conformance.ts'
import { TinkerServer, tarOf } from '../testing/tinker-server.ts'
import { TinkerTrainableModel, type TinkerTrainingOptions } from './tinker.ts'

const VOCAB = 12
const adam = { learningRate: 0.05, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 0 }
const tokenizer = { stopTokenIds: [0], encodeChat: () => [1, 2], decode: () => '' }
const folder = mkdtempSync(join(tmpdir(), 'pop-tinker-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Waits of the client pass at once; its heart beats only while the test lets it. */
function quickClock(): Clock {
  let time = 0
  return {
    now: () => time,
    monotonic: () => time,
    sleep: async (ms, signal) => {
      if (ms >= 10_000 && signal !== undefined) {
        await new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
        )
      }
      time += ms
      await new Promise((resolve) => setTimeout(resolve, 1))
    },
  }
}

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function start(reduction: 'sum' | 'sequenceMean' = 'sum'): Promise<{
  server: TinkerServer
  open: (changes?: Partial<TinkerTrainingOptions>) => Promise<TinkerTrainableModel>
}> {
  const server = new TinkerServer(reduction, VOCAB)
  const baseUrl = await server.start()
  closing.push(() => server.stop())
  return {
    server,
    open: async (changes = {}) => {
      const options = { baseUrl, baseModel: 'bigram', rank: 8, seed: 1, tokenizer, clock: quickClock(), ...changes }
      const model = await TinkerTrainableModel.open(options)
      closing.push(() => model.close())
      return model
    },
  }
}

for (const reduction of ['sum', 'sequenceMean'] as const) {
  describeTrainableModel(`a Tinker server (${reduction})`, async () => {
    const { open } = await start(reduction)
    return { model: await open(), close: () => Promise.resolve() }
  })
}

describe('the Tinker backend', () => {
  it.each(['sum', 'sequenceMean'] as const)(
    'finds out that a server reduces by %s, and leaves no model behind',
    async (reduction) => {
      const { server, open } = await start(reduction)
      const model = await open()
      expect(await model.reduction()).toBe(reduction)
      expect(server.openModels).toBe(1)
    },
  )

  it('gives both kinds of server the same gradient', async () => {
    const norms = await Promise.all(
      (['sum', 'sequenceMean'] as const).map(async (reduction) => {
        const model = await (await start(reduction)).open()
        await model.accumulate(
          [
            [1, 5, 3],
            [4, 4, 9, 2],
          ],
          [Float32Array.of(0.3, -0.2), Float32Array.of(0, 1, -0.5)],
        )
        await model.accumulate([[7, 8]], [Float32Array.of(2)])
        return (await model.step(adam)).gradNorm
      }),
    )
    expect(norms[0]).toBeGreaterThan(0)
    expect(norms[1]).toBeCloseTo(norms[0] ?? 0, 5)
  })

  it('sends a pass again when its answer was lost, and the server does it once', async () => {
    const { server, open } = await start()
    const [model, other] = [await open({ reduction: 'sum' }), await (await start()).open({ reduction: 'sum' })]
    server.faults.set('forward_backward', ['dropAfter', { status: 503, body: 'busy' }])
    for (const each of [model, other]) await each.accumulate([[1, 5, 3]], [Float32Array.of(1, -1)])
    expect(await model.step(adam)).toEqual(await other.step(adam))
    const sent = server.requests.filter(({ route }) => route === 'forward_backward').map(({ body }) => body['seq_id'])
    expect(sent).toEqual([1, 1, 1])
  })

  it('saves under another name when the answer is lost, since what was trained hangs on it', async () => {
    const { server, open } = await start()
    const model = await open()
    server.faults.set('save_weights', ['dropAfter', { status: 503, body: 'busy' }])
    expect(await model.saveState('middle')).toMatch(/middle-3$/)
    server.faults.set('save_weights', ['drop', 'drop', 'drop', 'drop'])
    await expect(model.saveState('middle')).rejects.toThrow('cannot be reached')
    server.faults.set('save_weights', [{ status: 400, body: { detail: 'no space left' } }])
    await expect(model.saveState('middle')).rejects.toThrow('no space left')
    expect(server.requests.filter(({ route }) => route === 'save_weights')).toHaveLength(8)
  })

  it.each(['drop', 'dropAfter', { status: 503, body: 'busy' }] as const)(
    'publishes the weights of then, though the first attempt fails (%j) and a step is asked for meanwhile',
    async (fault) => {
      const { server, open } = await start()
      const model = await open({ reduction: 'sum' })
      const before = await model.logprobs([[1, 5, 3]])
      await model.accumulate([[1, 5, 3]], [Float32Array.of(1, -1)])
      server.faults.set('save_weights_for_sampler', [fault])
      const [published] = await Promise.all([model.publish(), model.step(adam)])
      expect(await published.logprobs([[1, 5, 3]])).toEqual(before)
      expect(await model.logprobs([[1, 5, 3]])).not.toEqual(before)
      server.faults.set('save_weights_for_sampler', [{ status: 400, body: { detail: 'no space left' } }])
      const [refused, after] = await Promise.allSettled([model.publish(), model.logprobs([[1, 5, 3]])])
      expect([refused.status, after.status]).toEqual(['rejected', 'fulfilled'])
    },
  )

  it('asks again for a result that takes its time', async () => {
    const { server, open } = await start()
    const model = await open()
    server.pendingPolls = 3
    expect(await model.logprobs([[1, 2, 3]])).toHaveLength(1)
    expect(server.requests.filter(({ route }) => route === 'retrieve_future').length).toBeGreaterThanOrEqual(4)
  })

  it('goes on from a saved state on a server that was restarted', async () => {
    const { server, open } = await start()
    const model = await open()
    await model.accumulate([[1, 5, 3]], [Float32Array.of(1, -1)])
    await model.step(adam)
    const state = await model.saveState('round-1')
    const before = await model.logprobs([[1, 5, 3]])
    server.forget()
    await expect(model.logprobs([[1, 5, 3]])).rejects.toThrow('may have restarted: run the same command again')
    expect(await (await open({ resume: state })).logprobs([[1, 5, 3]])).toEqual(before)
    await expect(open({ resume: 'tinker://x/weights/none' })).rejects.toThrow('checkpoint not found')
  })

  it('brings the adapter home whole, or not at all', async () => {
    const { server, open } = await start()
    const model = await open()
    await model.save(join(folder, 'adapter'))
    expect(readFileSync(join(folder, 'adapter', 'adapter_config.json'), 'utf8')).toBe('{"r":8}')
    const damaged = { body: new Uint8Array([31, 139, 8, 0, 1]) }
    server.faults.set('archive', ['half', damaged, { status: 503, body: 'busy' }])
    await model.save(join(folder, 'again'))
    expect(readFileSync(join(folder, 'again', 'adapter_config.json'), 'utf8')).toBe('{"r":8}')
    server.faults.set('archive', [damaged, damaged, damaged])
    await expect(model.save(join(folder, 'broken'))).rejects.toThrow('damaged or incomplete')
    expect(existsSync(join(folder, 'broken'))).toBe(false)
  })

  it.each([
    ['no JSON', 200, '<html>hello</html>', 'does not answer get_server_capabilities like a Tinker server'],
    ['other JSON', 200, '{"models":[]}', 'like a Tinker server'],
    ['nothing at that address', 404, '{"detail":"Not Found"}', 'there is no Tinker server at http://127.0.0.1'],
  ])('says that a server with %s is none', async (_name, status, text, message) => {
    const http = createServer((_request, response) => response.writeHead(status).end(text))
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    closing.push(() => new Promise((resolve) => void http.close(() => resolve())))
    const baseUrl = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
    const { open } = await start()
    await expect(open({ baseUrl })).rejects.toThrow(message)
  })

  it('scores with saved weights as with those that are trained, and refuses too few log-probs', async () => {
    const { server, open } = await start()
    const model = await open()
    await model.accumulate([[1, 5, 3]], [Float32Array.of(1, -1)])
    await model.step(adam)
    const published = await model.publish()
    expect(await published.logprobs([[1, 5, 3], [2]])).toEqual(await model.logprobs([[1, 5, 3], [2]]))
    for (const values of [
      [-1, -2],
      [null, null, -1, -2, -3],
    ]) {
      server.faults.set('retrieve_future', [{ body: { prompt_logprobs: values } }])
      await expect(published.logprobs([[1, 2, 3, 4, 5]])).rejects.toThrow(/gave \d log-probs for 4 tokens/)
    }
  })

  it('reads an answer that broke off in the middle again', async () => {
    const { server, open } = await start()
    const model = await open()
    const before = await model.logprobs([[1, 5, 3]])
    for (const route of ['forward', 'retrieve_future', 'get_server_capabilities']) server.faults.set(route, ['half'])
    expect(await (await open()).logprobs([[1, 5, 3]])).toEqual(before)
  })

  it('says which models a server has, and that one does not listen', async () => {
    const { open } = await start()
    await expect(open({ baseModel: 'llama' })).rejects.toThrow('does not have llama; it has: bigram')
    await expect(open({ baseUrl: 'http://127.0.0.1:9' })).rejects.toThrow('cannot be reached')
  })
})

describe('readTar', () => {
  it('refuses names that lead out of the folder, and archives that end early', () => {
    for (const name of ['../x', '/etc/x', 'a/../../x', 'c:x'])
      expect(() => readTar(tarOf(name, 'x'))).toThrow('a file of the name')
    expect(() => readTar(tarOf('a', 'text').subarray(0, 700))).toThrow('damaged or incomplete')
    expect([...readTar(tarOf('a/b', 'text')).keys()]).toEqual(['a/b'])
  })
})
