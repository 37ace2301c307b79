/** What `pop run` makes of a Tinker server at fault: one clear message, everything finished kept, and the same command goes on. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConfigError, InterruptedError, PopError } from '../core/errors.ts'
import { trainingStepSchema } from '../records/index.ts'
import { TinkerServer } from '../training/testing/tinker-server.ts'
import type { RunSummary } from './index.ts'
import { others, runTable, TOKENIZER, VOCAB, type TableRunOptions } from './testing/tinker-table.ts'

let dir = ''
let server: TinkerServer
let baseUrl = ''
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'pop-tinker-faults-'))
  server = new TinkerServer('sum', VOCAB)
  baseUrl = await server.start()
})
afterEach(async () => {
  await server.stop()
  rmSync(dir, { recursive: true, force: true })
})

const ONE_ROUND = { rounds: 1, evaluation: { suites: [] } }
const run = (name: string, options: Partial<TableRunOptions> = {}): Promise<RunSummary> =>
  runTable({ baseUrl, runDir: join(dir, name), changes: ONE_ROUND, ...options })
const failure = async (run: Promise<unknown>): Promise<PopError> => {
  const error = await run.catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(PopError)
  return error as PopError
}

const refused = { status: 400, body: { detail: 'out of memory' } }
const broken = { status: 500, body: 'Internal Server Error' }
const cut = { body: new Uint8Array([31, 139, 8, 0, 1]) }

describe('a fault while it trains', () => {
  it.each([
    ['create_session', [broken], /refused create_session \(500\): .*Internal Server Error/],
    ['create_model', [refused], /refused create_model \(400\): "out of memory"/],
    ['forward_backward', [broken], /refused forward_backward \(500\)/],
    ['save_weights_for_sampler', [refused], /refused save_weights_for_sampler \(400\)/],
    ['archive', [{ status: 404, body: { detail: 'checkpoint is gone' } }], /refused .*archive \(404\)/],
    ['archive', [cut, cut, cut], /adapter .* is damaged or incomplete .*run the same command again/],
  ])('at %s is one message, and the same command goes on: %j', async (route, faults, message) => {
    server.faults.set(route, faults)
    const asked = others()
    const error = await failure(run('faulty', { asked }))
    expect(error.message).toMatch(message)
    expect(error.message).not.toContain('\n')
    expect([error.exitCode > 0, server.openModels]).toEqual([true, 0])
    expect(existsSync(join(dir, 'faulty', 'round-1', 'checkpoint'))).toBe(false)
    const before = asked.calls()
    const { rounds } = await run('faulty', { asked })
    // What was played is not played again.
    expect(asked.calls()).toBe(before)
    expect(rounds[1]?.checkpoint).not.toBeNull()
  })

  it('that passes is no fault: lost answers, a busy server, half an adapter', async () => {
    const busy = { status: 503, body: 'busy' }
    server.faults.set('forward_backward', ['dropAfter'])
    server.faults.set('optim_step', ['half', busy])
    server.faults.set('save_weights', ['dropAfter'])
    server.faults.set('archive', ['half', busy, cut])
    const { rounds } = await run('passing')
    expect(rounds[1]?.checkpoint).not.toBeNull()
    expect([...server.faults.values()].flat()).toEqual([])
  }, 30_000)

  it('that lost the model says that the server may have restarted', async () => {
    const forget = (): void => server.forget()
    const error = await failure(run('lost', { onEvent: ({ type }) => (type === 'step' ? forget() : undefined) }))
    expect(error.message).toMatch(/not loaded.*the server may have restarted: run the same command again/)
    const { rounds } = await run('lost')
    expect(rounds[1]?.checkpoint).not.toBeNull()
  })
})

const ONLINE = {
  ...ONE_ROUND,
  training: {
    backend: 'tinker',
    lora: { rank: 8, alpha: 32 },
    learningRate: 0.05,
    batchSize: 2,
    schedule: 'constant',
    objective: { type: 'rloo' },
  },
}

describe('a training that is complete on the server and does not come home', () => {
  const gone = { status: 404, body: { detail: 'checkpoint not found' } }
  const routesSince = (mark: number): string[] =>
    server.requests
      .slice(mark)
      .map(({ route }) => route.replace(/^training_runs.*/, 'archive'))
      .filter((route) => !['retrieve_future', 'session_heartbeat', 'get_server_capabilities'].includes(route))
  const lossesOf = (name: string): number[] =>
    readFileSync(join(dir, name, 'round-1', 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => trainingStepSchema.parse(JSON.parse(line)).loss)
  /** A run that ends without its adapter; what the server is asked when it is run again. */
  const twice = async (changes: object, between: () => void): Promise<string[]> => {
    const whole = await run('whole', { changes })
    server.faults.set('archive', [gone])
    const asked = others()
    const error = await failure(run('twice', { asked, changes }))
    expect(error.message).toMatch(/refused .*archive.*complete on the server: run the same command again/)
    between()
    const [mark, calls] = [server.requests.length, asked.calls()]
    const { rounds } = await run('twice', { asked, changes })
    expect([asked.calls(), server.openModels, lossesOf('twice')]).toEqual([calls, 0, lossesOf('whole')])
    const weights = (checkpoint: string | null | undefined): Buffer =>
      readFileSync(join(checkpoint ?? '', 'adapter_model.safetensors'))
    expect(weights(rounds[1]?.checkpoint).equals(weights(whole.rounds[1]?.checkpoint))).toBe(true)
    expect(readdirSync(join(dir, 'twice', 'round-1'))).toEqual(readdirSync(join(dir, 'whole', 'round-1')))
    expect({ ...rounds[1], checkpoint: '' }).toEqual({ ...whole.rounds[1], checkpoint: '' })
    return routesSince(mark)
  }

  it.each([
    ['pairs', ONE_ROUND],
    ['groups', ONLINE],
  ])('is only fetched by the same command, also from a server that was restarted: %s', async (_what, changes) => {
    expect(await twice(changes, () => server.forget())).toEqual(['archive'])
  })

  it('is saved again from its state where the adapter is gone', async () => {
    const routes = await twice(ONE_ROUND, () => server.clean(false))
    expect(routes).toEqual([
      'archive',
      'create_session',
      'create_model',
      'load_weights',
      'save_weights',
      'save_weights_for_sampler',
      'archive',
      'unload_model',
    ])
  })

  it('is done again where the server has nothing of it', async () => {
    expect(await twice(ONE_ROUND, () => server.clean(true))).toContain('optim_step')
  })

  it('is done again with other settings', async () => {
    server.faults.set('archive', [gone])
    await failure(run('other'))
    const mark = server.requests.length
    const training = { ...ONLINE.training, objective: { type: 'dpo', beta: 0.2 } }
    await run('other', { changes: { ...ONE_ROUND, training } })
    expect(routesSince(mark)).toContain('optim_step')
  })
})

// Without the signal each would wait for the server, up to five minutes.
describe('an interruption while it trains', () => {
  const interrupted = async (name: string, when: (stop: () => void) => Partial<TableRunOptions>): Promise<void> => {
    const controller = new AbortController()
    const stop = (): void => void setTimeout(() => controller.abort(new InterruptedError('stopped')), 200)
    const error = await failure(run(name, { signal: controller.signal, ...when(stop) }))
    expect([error.exitCode, error.message]).toEqual([130, expect.stringMatching(/saved: run the same command/)])
    expect(existsSync(join(dir, name, 'round-1', 'checkpoint'))).toBe(false)
  }

  it.each(['optim_step', 'save_weights', 'archive'])(
    'ends it with the server away at %s, and it goes on later',
    async (route) => {
      const { port } = new URL(baseUrl)
      const asked = others()
      await interrupted('away', (stop) => ({
        asked: {
          ...asked,
          fetch: async (url, init) => {
            if (url.endsWith(`/${route}`)) {
              await server.stop()
              stop()
            }
            return asked.fetch(url, init)
          },
        },
      }))
      await server.start(Number(port))
      const before = asked.calls()
      const { rounds } = await run('away', { asked })
      expect([asked.calls(), rounds[1]?.checkpoint]).toEqual([before, expect.any(String)])
    },
  )

  it('ends it where an answer does not come, and gives the model’s place back', async () => {
    const asked = others()
    const never = (init: RequestInit): Promise<Response> =>
      new Promise((_resolve, reject) =>
        init.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error)),
      )
    await interrupted('silent', (stop) => ({
      asked: {
        ...asked,
        fetch: (url, init) => {
          if (!url.endsWith('/forward_backward')) return asked.fetch(url, init)
          stop()
          return never(init)
        },
      },
    }))
    expect(server.openModels).toBe(0)
  })
})

it('an interruption while the server is away ends the run', async () => {
  const controller = new AbortController()
  const asked = others()
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (url.endsWith('/asample')) {
      await server.stop()
      setTimeout(() => controller.abort(new InterruptedError('stopped')), 200)
    }
    return asked.fetch(url, init)
  }
  const playing = run('interrupted', { signal: controller.signal, asked: { ...asked, fetch } })
  expect((await failure(playing)).exitCode).toBe(130)
})

describe('a fault before it plays', () => {
  const model = (changes: object): object => ({
    ...ONE_ROUND,
    model: { backend: 'tinker', baseUrl, name: 'bigram', path: TOKENIZER, ...changes },
  })

  it('a base model that the server does not have ends it with its name', async () => {
    const error = await failure(run('other', { changes: model({ name: 'llama' }) }))
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toBe(`the Tinker server at ${baseUrl} does not have llama; it has: bigram`)
    expect(server.requests.filter(({ route }) => route === 'asample')).toEqual([])
  })

  it('a server of another kind ends it at the first call', async () => {
    let calls = 0
    const other = createServer((_request, response) => {
      calls++
      response.writeHead(404, { 'Content-Type': 'application/json' }).end('{"detail":"Not Found"}')
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    const error = await failure(run('elsewhere', { changes: model({ baseUrl: address }) }))
    await new Promise((resolve) => other.close(resolve))
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toContain(`there is no Tinker server at ${address}, check baseUrl`)
    expect(calls).toBeLessThan(5)
  })

  it('nobody listening ends it, and it goes on when somebody does', async () => {
    const port = new URL(baseUrl).port
    await server.stop()
    const asked = others()
    const error = await failure(run('away', { asked }))
    expect(error.message).toMatch(/cannot be reached.*run the same command/)
    server = new TinkerServer('sum', VOCAB)
    await server.start(Number(port))
    const { rounds } = await run('away', { asked })
    expect(rounds[1]?.checkpoint).not.toBeNull()
  })
})
