/**
 * A real HTTP server on this machine that behaves as vLLM's chat completions do, with a small seeded language of its
 * own, and that can be told to misbehave. For tests.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isJsonObject, parseJson, type JsonValue } from '../../core/json.ts'
import { rng } from '../../core/rng.ts'

export interface ChatServerOptions {
  readonly model?: string
  /** Answers one choice whatever `n` says. */
  readonly ignoresN?: boolean
  /** Fields refused with a 400, in vLLM's or OpenAI's words. */
  readonly refuses?: readonly string[]
  readonly countsTokens?: boolean
  /** Leaves `stop` without effect, as some servers do. */
  readonly ignoresStop?: boolean
  readonly key?: string
}

/** Deals with one request in the server's place. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => void

export interface ChatServer {
  /** Ends with `/v1`. */
  readonly baseUrl: string
  /** Bodies of the chat requests that came in, in order. */
  readonly bodies: { [key: string]: JsonValue }[]
  /** Each next chat request meets the next fault. */
  fail(...faults: Fault[]): void
  close(): Promise<void>
}

const WORDS = 'stone river bread lantern apple seven because under green walks sings heavy salt quickly door'.split(' ')

export async function startChatServer(options: ChatServerOptions = {}): Promise<ChatServer> {
  const bodies: { [key: string]: JsonValue }[] = []
  const faults: Fault[] = []
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      if (request.url === '/v1/models')
        return reply(response, 200, { object: 'list', data: [{ id: modelName(options), object: 'model' }] })
      if (request.url !== '/v1/chat/completions') return reply(response, 404, { detail: 'Not Found' })
      bodies.push(body)
      const fault = faults.shift()
      if (fault !== undefined) return fault(request, response)
      return answer(request, response, body, options)
    })
  })
  const port = await listen(server)
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    bodies,
    fail: (...more) => void faults.push(...more),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

export function reply(
  response: ServerResponse,
  status: number,
  value: JsonValue,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}

async function readBody(request: IncomingMessage): Promise<{ [key: string]: JsonValue }> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const parsed = parseJson(Buffer.concat(chunks).toString('utf8'))
  return parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
}

function modelName(options: ChatServerOptions): string {
  return options.model ?? 'tiny'
}

type Body = { [key: string]: JsonValue }

function answer(request: IncomingMessage, response: ServerResponse, body: Body, options: ChatServerOptions): void {
  if (options.key !== undefined && request.headers.authorization !== `Bearer ${options.key}`) {
    const key = (request.headers.authorization ?? '').replace('Bearer ', '')
    return reply(response, 401, {
      error: { message: `Incorrect API key provided: ${key}.`, type: 'invalid_request_error' },
    })
  }
  if (body['model'] !== modelName(options)) {
    const message = `The model ${JSON.stringify(body['model'])} does not exist.`
    return reply(response, 404, { error: { message, type: 'NotFoundError', param: 'model', code: 404 } })
  }
  const refused = (options.refuses ?? []).find((name) => name in body)
  if (refused !== undefined) {
    const message = `Unsupported parameter: '${refused}' is not supported with this model.`
    return reply(response, 400, {
      error: { message, type: 'invalid_request_error', param: refused, code: 'unsupported_parameter' },
    })
  }
  return reply(response, 200, complete(body, options))
}

function complete(body: Body, options: ChatServerOptions): JsonValue {
  const n = options.ignoresN === true ? 1 : Number(body['n'] ?? 1)
  const samples = Array.from({ length: n }, (_, i) => sample(body, i, options.ignoresStop === true))
  const completionTokens = samples.reduce((sum, item) => sum + item.tokens, 0)
  const promptTokens = JSON.stringify(body['messages']).split(' ').length
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    model: body['model'] ?? null,
    choices: samples.map(({ text, finishReason }, index) => ({
      index,
      message: { role: 'assistant', content: text, reasoning_content: null, tool_calls: [] },
      logprobs: null,
      finish_reason: finishReason,
      stop_reason: null,
    })),
    ...(options.countsTokens === false
      ? {}
      : {
          usage: {
            prompt_tokens: promptTokens,
            completion_tokens: completionTokens,
            total_tokens: promptTokens + completionTokens,
          },
        }),
  }
}

/** One word is one token; a text ends by itself with probability 1/12 after each word. */
function sample(
  body: Body,
  index: number,
  ignoresStop: boolean,
): { text: string; finishReason: string; tokens: number } {
  const prompt = JSON.stringify(body['messages'])
  const random = Number(body['temperature'] ?? 1) === 0 ? rng(0, prompt) : rng(Number(body['seed'] ?? 0), prompt, index)
  const limit = Number(body['max_tokens'] ?? body['max_completion_tokens'] ?? 16)
  const stop = ignoresStop || !Array.isArray(body['stop']) ? [] : body['stop'].map(String)
  const words: string[] = []
  while (words.length < limit) {
    words.push(random.pick(WORDS))
    const text = words.join(' ')
    const at = Math.min(
      ...stop.map((word) => text.indexOf(word)).filter((found) => found >= 0),
      Number.POSITIVE_INFINITY,
    )
    if (at < text.length) return { text: text.slice(0, at), finishReason: 'stop', tokens: words.length }
    if (random.below(12) === 0) return { text, finishReason: 'stop', tokens: words.length }
  }
  return { text: words.join(' '), finishReason: 'length', tokens: words.length }
}
