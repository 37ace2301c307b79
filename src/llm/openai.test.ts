import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { EndpointError } from '../core/errors.ts'
import { systemClock, type Clock } from '../core/clock.ts'
import { OpenAiLanguageModel, type OpenAiOptions } from './openai.ts'
import { patientFetch } from './patient-fetch.ts'
import { describeLanguageModel } from './testing/conformance.ts'
import { reply, startChatServer, type ChatServer, type ChatServerOptions, type Fault } from './testing/chat-server.ts'
import type { JsonValue } from '../core/json.ts'
import type { GenerateRequest } from '../records/index.ts'

const ask: GenerateRequest = {
  messages: [{ role: 'user', content: 'Hello' }],
  n: 4,
  temperature: 1,
  topP: 1,
  maxTokens: 30,
  seed: 11,
}

/** A clock whose sleeps pass at once and are written down; the time limits of requests never come. */
function fastClock(): Clock & { sleeps: number[] } {
  const sleeps: number[] = []
  let passed = 0
  return {
    sleeps,
    now: () => Date.UTC(2026, 0, 1) + passed,
    monotonic: () => passed,
    sleep: (ms, signal) => {
      if (ms >= 120_000)
        return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('done'))))
      sleeps.push(ms / 1000)
      passed += ms
      return Promise.resolve()
    },
  }
}

const servers: ChatServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function setUp(
  server: ChatServerOptions = {},
  options: Partial<OpenAiOptions> = {},
): Promise<{ server: ChatServer; model: OpenAiLanguageModel; notices: string[]; sleeps: number[] }> {
  const started = await startChatServer(server)
  servers.push(started)
  const notices: string[] = []
  const clock = fastClock()
  const model = new OpenAiLanguageModel({
    baseUrl: started.baseUrl,
    name: 'tiny',
    clock,
    onNotice: (notice) => notices.push(notice),
    ...options,
  })
  return { server: started, model, notices, sleeps: clock.sleeps }
}

async function failure(promise: Promise<unknown>): Promise<EndpointError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(EndpointError)
  return error as EndpointError
}

const status =
  (
    code: number,
    body: Parameters<typeof reply>[2] = { error: { message: 'busy' } },
    headers: Record<string, string> = {},
  ): Fault =>
  (_request, response) =>
    reply(response, code, body, headers)

const raw =
  (body: string, type = 'application/json', code = 200): Fault =>
  (_request, response) =>
    void response.writeHead(code, { 'content-type': type }).end(body)

const servedBy = (options: ChatServerOptions) => async () => {
  const server = await startChatServer(options)
  return { model: new OpenAiLanguageModel({ baseUrl: server.baseUrl, name: 'tiny' }), close: () => server.close() }
}

const all = { samples: true, repeatable: true, independentSamples: true }
describeLanguageModel('a server like vLLM', servedBy({}), all)
describeLanguageModel('a server that ignores n and stop', servedBy({ ignoresN: true, ignoresStop: true }), all)
describeLanguageModel(
  'a server that refuses n, seed and max_tokens',
  servedBy({ refuses: ['n', 'seed', 'max_tokens'] }),
  {
    samples: false,
    repeatable: false,
    independentSamples: false,
  },
)
describeLanguageModel('a server that counts no tokens', servedBy({ countsTokens: false }), all)

describe('what a server does not do', () => {
  it('asks for the missing samples with seeds of their own, and learns it', async () => {
    const { server, model, notices } = await setUp({ ignoresN: true })
    const first = await model.generate(ask)
    expect(server.bodies.map((body) => body['n'])).toEqual([4, undefined, undefined, undefined])
    expect(new Set(server.bodies.map((body) => body['seed'])).size).toBe(4)
    const second = await model.generate(ask)
    expect(server.bodies.slice(4).map((body) => body['n'])).toEqual([undefined, undefined, undefined, undefined])
    expect(second.map(({ text }) => text)).toEqual(first.map(({ text }) => text))
    expect(second.map(({ usage }) => usage.promptTokens)).toEqual([4, 0, 0, 0])
    expect(notices).toEqual(['tiny: the server gave 1 of 4 samples: the others are asked for one by one'])
  })

  it('learns refused parameters once, from OpenAI and from FastAPI wording', async () => {
    const { server, model, notices } = await setUp()
    server.fail(
      status(400, { error: { message: "Unsupported parameter: 'max_tokens' is not supported.", param: 'max_tokens' } }),
      status(422, {
        detail: [{ type: 'extra_forbidden', loc: ['body', 'seed'], msg: 'Extra inputs are not permitted' }],
      }),
    )
    expect(await model.generate({ ...ask, n: 1 })).toHaveLength(1)
    await model.generate({ ...ask, n: 1 })
    const last = server.bodies.at(-1)
    expect(server.bodies).toHaveLength(4)
    expect(last).not.toHaveProperty('seed')
    expect(last).not.toHaveProperty('max_tokens')
    expect(last?.['max_completion_tokens']).toBe(30)
    expect(notices).toHaveLength(2)
  })

  it('falls back to single samples when n is refused', async () => {
    const { server, model } = await setUp({ refuses: ['n'] })
    expect(new Set((await model.generate(ask)).map(({ text }) => text)).size).toBeGreaterThan(1)
    expect(server.bodies.filter((body) => 'n' in body)).toHaveLength(1)
    await model.generate(ask)
    expect(server.bodies.filter((body) => 'n' in body)).toHaveLength(1)
  })

  it('calls the other samples off when one fails for good', async () => {
    const { server, model } = await setUp({ refuses: ['n'] }, { retry: { retries: 0 } })
    await model.generate(ask)
    let hung = false
    server.fail(
      (request) => {
        request.socket.once('close', () => (hung = false))
        hung = true
      },
      (_request, response) => void setTimeout(() => reply(response, 400, { error: { message: 'bad' } }), 30),
    )
    expect((await failure(model.generate({ ...ask, n: 8 }))).message).toContain('bad')
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(hung).toBe(false)
  })

  it('does not take a complaint about a value for a refusal, and learns nothing from a failure', async () => {
    const { server, model, notices } = await setUp()
    const message =
      "This model's maximum context length is 2048 tokens. However, you requested 3000: reduce max_tokens."
    server.fail(status(400, { error: { message } }))
    const error = await failure(model.generate(ask))
    expect(error.message).toContain('maximum context length is 2048')
    expect(error.retryable).toBe(false)
    expect(server.bodies).toHaveLength(1)
    server.fail(
      status(400, { error: { message: 'seed is not supported', param: 'seed' } }),
      status(400, { error: { message: 'bad messages' } }),
    )
    await failure(model.generate(ask))
    await model.generate(ask)
    expect(server.bodies.at(-1)).toHaveProperty('seed')
    expect(notices).toEqual([])
  })

  it('asks once for greedy samples', async () => {
    const { server, model } = await setUp()
    const generations = await model.generate({ ...ask, temperature: 0 })
    expect(server.bodies.map((body) => body['n'])).toEqual([undefined])
    expect(new Set(generations.map(({ text }) => text)).size).toBe(1)
    expect(generations.slice(1).map(({ usage }) => usage.completionTokens)).toEqual([0, 0, 0])
  })

  it('warns of a server that answers greedily at every temperature', async () => {
    const { server, model, notices } = await setUp()
    const choice = (index: number) => ({
      index,
      finish_reason: 'stop',
      message: { content: 'the very same words again and again, and then once more' },
    })
    server.fail(status(200, { choices: [0, 1, 2, 3].map(choice), usage: { prompt_tokens: 3, completion_tokens: 40 } }))
    await model.generate(ask)
    expect(notices.join()).toContain('4 equal long samples at temperature 1')
  })

  it.each([
    ['null content', { finish_reason: 'stop', message: { content: null } }, { text: '', finishReason: 'other' }],
    [
      'a refusal',
      { finish_reason: 'stop', message: { content: null, refusal: 'I cannot.' } },
      { text: '', finishReason: 'refusal' },
    ],
    [
      'thinking cut short',
      { finish_reason: 'length', message: { content: null, reasoning_content: 'hm' } },
      { text: '', finishReason: 'length' },
    ],
    [
      'a content filter',
      { finish_reason: 'content_filter', message: { content: 'so' } },
      { text: 'so', finishReason: 'refusal' },
    ],
    [
      'content in parts',
      {
        finish_reason: 'stop',
        message: {
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
      },
      { text: 'ab', finishReason: 'stop' },
    ],
    ['no finish reason', { message: { content: 'x' } }, { text: 'x', finishReason: 'other' }],
  ])('reads %s', async (_name, choice, expected) => {
    const { server, model } = await setUp()
    server.fail(status(200, { choices: [choice] }))
    const [generation] = await model.generate({ ...ask, n: 1 })
    expect(generation).toMatchObject(expected)
  })

  it('shares the count of completion tokens out without losing one', async () => {
    const { model, server } = await setUp()
    const choice = (index: number, content: string) => ({ index, finish_reason: 'stop', message: { content } })
    server.fail(
      status(200, {
        choices: [choice(1, 'bbb'), choice(0, 'a'), choice(2, ''), choice(3, 'cc')],
        usage: { prompt_tokens: 9, completion_tokens: 11 },
      }),
    )
    const generations = await model.generate(ask)
    expect(generations.map(({ text }) => text)).toEqual(['a', 'bbb', '', 'cc'])
    expect(generations.map(({ usage }) => usage)).toEqual([
      { promptTokens: 9, completionTokens: 2 },
      { promptTokens: 0, completionTokens: 5 },
      { promptTokens: 0, completionTokens: 0 },
      { promptTokens: 0, completionTokens: 4 },
    ])
  })
})

describe('faults', () => {
  it.each<[string, Fault]>([
    ['a 500', status(500)],
    ['a 503', status(503)],
    ['half a JSON body', raw('{"choices":[{"mess')],
    ['an empty body', raw('')],
    ['a gateway page', raw('<html><body>Bad gateway</body></html>', 'text/html', 502)],
    ['a closed connection', (_request, response) => void response.destroy()],
    [
      'a body cut off',
      (_request, response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('{"choices":')
        setTimeout(() => response.destroy(), 5)
      },
    ],
    ['JSON that is no completion', status(200, { object: 'list' })],
    ['no choices', status(200, { choices: [] })],
    ['an error inside a 200', status(200, { error: { message: 'upstream overloaded', code: 529 } })],
  ])('tries again after %s', async (_name, fault) => {
    const { server, model, sleeps } = await setUp()
    server.fail(fault, fault)
    expect(await model.generate(ask)).toHaveLength(4)
    expect(server.bodies).toHaveLength(3)
    expect(sleeps).toHaveLength(2)
    expect(sleeps[0]).toBeLessThan(1.001)
    expect(sleeps[1]).toBeGreaterThan(0.999)
  })

  it('gives up after a bounded number of retries and says so', async () => {
    const { server, model } = await setUp({}, { retry: { retries: 2 } })
    server.fail(status(500), status(500), status(500))
    const error = await failure(model.generate(ask))
    expect(error.message).toMatch(/failed \(500\): busy \(gave up after 3 attempts\)/)
    expect(error).toMatchObject({ retryable: true, status: 500 })
  })

  it('waits as long as the server asks, without using up a retry', async () => {
    const { server, model, sleeps } = await setUp({}, { retry: { retries: 0 } })
    // Its clock is a day ahead of ours, and 33 s before the time it names.
    const date = new Date(Date.UTC(2026, 0, 2)).toUTCString()
    const later = new Date(Date.UTC(2026, 0, 2) + 33_000).toUTCString()
    server.fail(status(429, {}, { 'retry-after': '7' }), status(503, {}, { 'retry-after': later, date }), status(429))
    expect(await model.generate(ask)).toHaveLength(4)
    expect(sleeps[0]).toBeGreaterThanOrEqual(7)
    expect(sleeps[0]).toBeLessThan(7.2)
    expect(sleeps[1]).toBeGreaterThanOrEqual(33)
    expect(sleeps[1]).toBeLessThan(33.3)
    expect(sleeps).toHaveLength(3)
  })

  it('does not wait beyond the limit on waiting', async () => {
    const { server, model, sleeps } = await setUp({}, { retry: { maxWaitSeconds: 100 } })
    server.fail(status(429, {}, { 'retry-after': '90' }), status(429, {}, { 'retry-after': '90' }))
    const error = await failure(model.generate(ask))
    expect(error).toMatchObject({ retryable: true, status: 429, retryAfterSeconds: 90 })
    expect(sleeps).toHaveLength(1)
  })

  it.each<[string, Fault, RegExp]>([
    [
      'a used-up quota',
      status(429, { error: { message: 'You exceeded your quota', code: 'insufficient_quota' } }),
      /quota/,
    ],
    ['a web page', raw('<!doctype html><title>Welcome</title>', 'text/html'), /web page, not JSON: is baseUrl/],
    [
      'a redirect',
      status(307, {}, { location: 'https://example.org/v1/chat/completions?token=abc' }),
      /redirects to https:\/\/example.org\/v1\/chat\/completions \(307\)/,
    ],
    [
      'a 400',
      status(400, { error: { message: 'messages: bad\u001b[31m\nrole' } }),
      /refused the request \(400\): messages: bad \[31m role$/,
    ],
    ['a 501', status(501), /failed \(501\)/],
  ])('does not try again after %s', async (_name, fault, message) => {
    const { server, model } = await setUp()
    server.fail(fault)
    const error = await failure(model.generate(ask))
    expect(error.message).toMatch(message)
    expect(error.retryable).toBe(false)
    expect(server.bodies).toHaveLength(1)
  })

  it('lists the models that a server offers when the name is unknown', async () => {
    const { model } = await setUp({}, { name: 'gpt-9' })
    const error = await failure(model.generate(ask))
    expect(error.message).toBe('the server has no model named "gpt-9" (404); it offers: tiny')
    expect(error.retryable).toBe(false)
  })

  it('points at baseUrl when the address holds no API', async () => {
    const { server } = await setUp()
    const model = new OpenAiLanguageModel({ baseUrl: server.baseUrl.replace('/v1', ''), name: 'tiny' })
    expect((await failure(model.generate(ask))).message).toContain('baseUrl usually ends with /v1')
  })

  it('never shows the key', async () => {
    const { model } = await setUp({ key: 'right' }, { apiKey: 'sk-very-secret', apiKeyEnv: 'MY_KEY' })
    const error = await failure(model.generate(ask))
    expect(error.message).toContain('refused the key (401): check the variable MY_KEY')
    expect(JSON.stringify([error.message, error.stack, String(error.cause)])).not.toContain('very-secret')
  })

  it('asks for a key when the server wants one', async () => {
    const { model } = await setUp({ key: 'right' })
    expect((await failure(model.generate(ask))).message).toContain('apiKeyEnv')
  })

  it('says at once that nothing listens, and waits for a server that has answered before', async () => {
    const port = await freePort()
    const absent = new OpenAiLanguageModel({ baseUrl: `http://127.0.0.1:${port}/v1`, name: 'tiny', clock: fastClock() })
    const error = await failure(absent.generate(ask))
    expect(error.message).toContain(
      `http://127.0.0.1:${port}/v1/chat/completions (ECONNREFUSED): nothing listens there`,
    )
    expect(error.retryable).toBe(false)

    const { server, model } = await setUp()
    await model.generate(ask)
    await server.close()
    expect(await failure(model.generate(ask))).toMatchObject({ retryable: true })
  })

  it('names an unknown host', async () => {
    const model = new OpenAiLanguageModel({
      baseUrl: 'http://no-such-host.invalid/v1',
      name: 'tiny',
      clock: fastClock(),
    })
    expect((await failure(model.generate(ask))).message).toMatch(/ENOTFOUND|EAI_AGAIN/)
  })

  it('gives up a request after its time limit', async () => {
    const { server } = await setUp()
    const model = new OpenAiLanguageModel({
      baseUrl: server.baseUrl,
      name: 'tiny',
      timeoutSeconds: 0.05,
      retry: { retries: 0 },
    })
    server.fail(() => undefined)
    const error = await failure(model.generate(ask))
    expect(error.message).toContain('did not answer within 0 s')
    expect(error.retryable).toBe(true)
  })

  it('leaves a back-off at once when aborted', async () => {
    const { server } = await setUp()
    const model = new OpenAiLanguageModel({ baseUrl: server.baseUrl, name: 'tiny', clock: systemClock })
    server.fail(status(429, {}, { 'retry-after': '60' }))
    const controller = new AbortController()
    const pending = model.generate(ask, controller.signal)
    setTimeout(() => controller.abort(new Error('enough')), 50)
    await expect(pending).rejects.toThrow('enough')
  })

  it('keeps the query of a base address, and out of messages', async () => {
    const seen: string[] = []
    const model = new OpenAiLanguageModel({
      baseUrl: 'https://example.org/openai/v1/?api-version=3',
      name: 'tiny',
      clock: fastClock(),
      fetch: (url) => {
        seen.push(url)
        return Promise.resolve(new Response('{}', { status: 403 }))
      },
    })
    const error = await failure(model.generate(ask))
    expect(seen).toEqual(['https://example.org/openai/v1/chat/completions?api-version=3'])
    expect(error.message).not.toContain('api-version')
  })
})

describe('patientFetch', () => {
  it('sets the limit on the first byte, which plain fetch fixes at five minutes', async () => {
    const { server } = await setUp()
    const slow: Fault = (_request, response) => void setTimeout(() => reply(response, 200, {}), 1500)
    const post = (fetcher: ReturnType<typeof patientFetch>): Promise<Response> =>
      fetcher(`${server.baseUrl}/chat/completions`, { method: 'POST', body: '{}' })
    server.fail(slow, slow)
    await expect(post(patientFetch({ headersTimeout: 200, bodyTimeout: 0 }))).rejects.toMatchObject({
      cause: { code: 'UND_ERR_HEADERS_TIMEOUT' },
    })
    expect((await post(patientFetch())).status).toBe(200)
  })
})

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

describe('what judges ask for', () => {
  const schema = { type: 'object', properties: {}, required: [], additionalProperties: false }
  const judge: GenerateRequest = { ...ask, n: 1, temperature: 0 }

  it('is sent as servers know it: a JSON schema, log-probs of the likeliest tokens', async () => {
    const { server, model } = await setUp()
    await model.generate({ ...judge, responseFormat: { name: 'probe', schema }, numberLogprobs: true })
    expect(server.bodies[0]).toMatchObject({
      response_format: { type: 'json_schema', json_schema: { name: 'probe', strict: true, schema } },
      logprobs: true,
      top_logprobs: 5,
    })
    await model.generate(judge)
    expect(Object.keys(server.bodies[1] ?? {})).not.toContain('response_format')
    expect(Object.keys(server.bodies[1] ?? {})).not.toContain('logprobs')
  })

  it.each(['response_format', 'logprobs', 'top_logprobs'])('is left out where the server refuses %s', async (name) => {
    const { server, model, notices } = await setUp({ refuses: [name] })
    const request = { ...judge, responseFormat: { name: 'probe', schema }, numberLogprobs: true }
    const [generation] = await model.generate(request)
    expect(generation?.text).not.toBe('')
    const last = Object.keys(server.bodies.at(-1) ?? {})
    expect(last.includes('response_format')).toBe(name !== 'response_format')
    expect(last.includes('top_logprobs')).toBe(name === 'response_format')
    expect(notices).toHaveLength(1)
  })

  it('comes back as log-probs by place in the text, and log-probs of a strange shape do not cost the text', async () => {
    const { server, model } = await setUp()
    const token = (text: string, top: [string, number][] = []): JsonValue => ({
      token: text,
      logprob: -0.5,
      bytes: null,
      top_logprobs: top.map(([other, logprob]) => ({ token: other, logprob })),
    })
    const content = [
      token('"rating":'),
      token(' 1', [
        [' 1', -0.5],
        [' 2', -1],
      ]),
    ]
    const choice = { finish_reason: 'stop', message: { content: '"rating": 1' } }
    server.fail(status(200, { choices: [{ ...choice, logprobs: { content } }] }))
    const [generation] = await model.generate({ ...judge, numberLogprobs: true })
    expect(generation?.numbers).toEqual([{ offset: 10, logprobs: { '1': expect.closeTo(-0.5), '2': -1 } }])
    server.fail(status(200, { choices: [{ ...choice, logprobs: { content: [{ token: 7 }] } }] }))
    const [other] = await model.generate({ ...judge, numberLogprobs: true })
    expect(other).toMatchObject({ text: '"rating": 1' })
    expect(other?.numbers).toBeUndefined()
  })
})
