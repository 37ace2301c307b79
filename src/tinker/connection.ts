/**
 * Talking to a Tinker server: requests, their retries, and futures that are asked for until they are there. Knows no training.
 *
 * A request that carries a `seq_id` may be sent again, since the server knows it by that; one that does not is sent once. `fetch` is given
 * by who may use the network.
 */
import type { z } from 'zod'
import { EndpointError, errorMessage } from '../core/errors.ts'
import { isJsonObject, parseJson, type JsonValue } from '../core/json.ts'
import type { Clock } from '../core/clock.ts'

export type TinkerFetch = (url: string, init: RequestInit) => Promise<Response>

export interface TinkerConnectionOptions {
  /** `http://host:8000`, with or without `/api/v1`. */
  readonly baseUrl: string
  readonly apiKey?: string
  readonly fetch: TinkerFetch
  readonly clock: Clock
}

interface Reply {
  readonly status: number
  readonly body: JsonValue
}

/** The server holds a poll for up to five minutes, and so does fetch; asking again earlier costs nothing. */
const POLL_MS = 45_000
const REQUEST_MS = 120_000
/** Longest that faults of the network or the server are waited out. */
const PATIENCE_MS = 300_000
const LONGEST_WAIT_MS = 30_000
const MAX_REPLY_BYTES = 512 * 1024 * 1024

export class TinkerConnection {
  readonly baseUrl: string
  private readonly options: TinkerConnectionOptions
  private answered = false

  constructor(options: TinkerConnectionOptions) {
    this.options = options
    this.baseUrl = options.baseUrl.replace(/\/+$/, '').replace(/\/api\/v1$/, '')
  }

  async get<T>(route: string, schema: z.ZodType<T>): Promise<T> {
    return this.checked(route, schema, await this.patiently(() => this.exchange('GET', route, undefined, REQUEST_MS)))
  }

  /** Sends a request once, or until it is taken when `repeatable`. @throws EndpointError */
  async post<T>(route: string, body: object, schema: z.ZodType<T>, repeatable = false): Promise<T> {
    const send = (): Promise<Reply> => this.exchange('POST', route, body, REQUEST_MS)
    return this.checked(route, schema, await (repeatable ? this.patiently(send) : send()))
  }

  /** The result of a job, however long it takes. @throws EndpointError when it failed, or the server forgot it */
  async result<T>(requestId: string, what: string, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> {
    for (;;) {
      signal?.throwIfAborted()
      const reply = await this.patiently(() => this.poll(requestId), signal)
      if (reply === 'pending') continue
      return this.checked(what, schema, reply)
    }
  }

  /** A binary answer. */
  async download(route: string): Promise<Uint8Array> {
    const response = await this.send('GET', route, undefined, REQUEST_MS, 'follow')
    if (!response.ok) throw this.refused(route, response.status, await readBody(response))
    return new Uint8Array(await response.arrayBuffer())
  }

  private async poll(requestId: string): Promise<Reply | 'pending'> {
    const reply = await this.exchange('POST', 'retrieve_future', { request_id: requestId }, POLL_MS).catch(
      (error: unknown) => {
        if (error instanceof EndpointError && error.message.includes(TIMED_OUT)) return 'pending' as const
        throw error
      },
    )
    if (reply === 'pending' || reply.status === 408) return 'pending'
    const { body } = reply
    if (isJsonObject(body) && body['type'] === 'try_again') {
      await this.options.clock.sleep(1000)
      return 'pending'
    }
    return reply
  }

  /** Waits out faults that pass: no connection, 429, 5xx. */
  private async patiently<R extends Reply | 'pending'>(send: () => Promise<R>, signal?: AbortSignal): Promise<R> {
    const started = this.options.clock.monotonic()
    for (let attempt = 0; ; attempt++) {
      const outcome = await send().catch((error: unknown) => {
        if (error instanceof EndpointError && error.retryable) return error
        throw error
      })
      const passes = outcome instanceof EndpointError || (outcome !== 'pending' && isPassing(outcome.status))
      if (!passes) return outcome
      if (this.options.clock.monotonic() - started > PATIENCE_MS) {
        if (outcome instanceof EndpointError) throw outcome
        return outcome
      }
      await this.options.clock.sleep(Math.min(LONGEST_WAIT_MS, 500 * 2 ** attempt), signal)
    }
  }

  private async exchange(
    method: 'GET' | 'POST',
    route: string,
    body: object | undefined,
    limitMs: number,
  ): Promise<Reply> {
    const response = await this.send(method, route, body, limitMs, 'manual')
    const text = await readBody(response)
    const json = parseJson(text)
    if (!json.ok && response.ok) throw this.foreign(route, 'its answer is no JSON')
    return { status: response.status, body: json.ok ? json.value : { detail: text.slice(0, 300) } }
  }

  private async send(
    method: string,
    route: string,
    body: object | undefined,
    limitMs: number,
    redirect: 'manual' | 'follow',
  ): Promise<Response> {
    const { apiKey } = this.options
    const headers: Record<string, string> = {
      'Content-Type': 'application/json',
      ...(apiKey === undefined ? {} : { 'X-API-Key': apiKey }),
    }
    try {
      const response = await this.options.fetch(`${this.baseUrl}/api/v1/${route}`, {
        method,
        headers,
        redirect,
        signal: AbortSignal.timeout(limitMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      this.answered = true
      return response
    } catch (error) {
      const timedOut = error instanceof Error && error.name === 'TimeoutError'
      const text = timedOut ? TIMED_OUT : rootMessage(error)
      // A server that never answered is more likely the wrong address than a server that is restarting.
      throw new EndpointError(
        `the Tinker server at ${this.baseUrl} ${timedOut ? text : `cannot be reached: ${text}`}`,
        { retryable: this.answered },
        { cause: error },
      )
    }
  }

  private checked<T>(what: string, schema: z.ZodType<T>, { status, body }: Reply): T {
    if (status < 200 || status > 299)
      throw this.refused(what, status, JSON.stringify(isJsonObject(body) ? (body['detail'] ?? body) : body))
    if (isJsonObject(body) && typeof body['error'] === 'string') throw this.refused(what, status, body['error'])
    const value = schema.safeParse(body)
    if (!value.success)
      throw this.foreign(what, `${value.error.issues[0]?.path.join('.') ?? ''} ${value.error.issues[0]?.message ?? ''}`)
    return value.data
  }

  private refused(what: string, status: number, detail: string): EndpointError {
    const text = detail.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 400)
    const lost = LOST.test(text) ? '; the server may have restarted: run the same command again' : ''
    return new EndpointError(`the Tinker server at ${this.baseUrl} refused ${what} (${status}): ${text}${lost}`, {
      retryable: false,
      status,
    })
  }

  private foreign(what: string, why: string): EndpointError {
    return new EndpointError(
      `${this.baseUrl} does not answer ${what} like a Tinker server (${why.trim()}): check baseUrl`,
      { retryable: false },
    )
  }
}

const LOST = /not loaded|not found|unknown/i

/** Whether the server says that a model, a session or a job is not there (any more). */
export function isLost(error: unknown): boolean {
  return error instanceof EndpointError && !error.retryable && error.status !== undefined && LOST.test(error.message)
}

const TIMED_OUT = 'did not answer in time'

function isPassing(status: number): boolean {
  return status === 429 || status === 425 || status === 502 || status === 503 || status === 504
}

async function readBody(response: Response): Promise<string> {
  const length = Number(response.headers.get('content-length') ?? 0)
  if (length > MAX_REPLY_BYTES)
    throw new EndpointError(`a Tinker server's answer has ${length} bytes`, { retryable: false })
  return response.text()
}

function rootMessage(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? rootMessage(error.cause) : errorMessage(error)
}
