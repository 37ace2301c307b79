/**
 * Talking to a Tinker server: requests, their retries, and futures that are asked for until they are there. Knows no training.
 *
 * A request that carries a `seq_id` may be sent again, since the server knows it by that; one that does not is sent once. `fetch` is given
 * by who may use the network.
 */
import type { z } from 'zod'
import { eitherSignal } from '../core/abort.ts'
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

interface Limits {
  readonly limitMs: number
  readonly signal: AbortSignal | undefined
}

interface Reply {
  readonly status: number
  readonly body: JsonValue
}

export interface PostOptions {
  /** The server knows it again, or does no harm by doing it twice: it is sent until it is taken. */
  readonly repeatable?: boolean
  /** Aborting ends the waits between attempts. */
  readonly drain?: AbortSignal | undefined
  /** Aborting ends everything, a request that is on its way among it. */
  readonly signal?: AbortSignal | undefined
  readonly limitMs?: number
}

/** The server holds a poll for up to five minutes, and so does fetch; asking again earlier costs nothing. */
const POLL_MS = 45_000
const REQUEST_MS = 120_000
/** A full model may come home this way. */
const DOWNLOAD_MS = 1_800_000
/** Longest that faults of the network or the server are waited out. */
const PATIENCE_MS = 300_000
const LONGEST_WAIT_MS = 30_000
const MAX_REPLY_BYTES = 512 * 1024 * 1024

export class TinkerConnection {
  readonly baseUrl: string
  private readonly options: TinkerConnectionOptions
  private answered = false
  private cutOffOnce = false

  constructor(options: TinkerConnectionOptions) {
    this.options = options
    this.baseUrl = options.baseUrl.replace(/\/+$/, '').replace(/\/api\/v1$/, '')
  }

  /** @throws EndpointError; the signal's reason */
  async get<T>(route: string, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> {
    const send = (): Promise<Reply> => this.exchange('GET', route, undefined, { limitMs: REQUEST_MS, signal })
    return this.checked(route, schema, await this.patiently(send, signal))
  }

  /** Sends a request once, or until it is taken when `repeatable`. @throws EndpointError; the signal's reason */
  async post<T>(route: string, body: object, schema: z.ZodType<T>, options: PostOptions = {}): Promise<T> {
    const { repeatable = false, drain, signal, limitMs = REQUEST_MS } = options
    const send = (): Promise<Reply> => this.exchange('POST', route, body, { limitMs, signal })
    const sent = repeatable ? this.patiently(send, eitherSignal(signal, drain)) : send()
    return this.checked(route, schema, await sent)
  }

  /**
   * The result of a job, however long it takes.
   * @param drain aborting ends the waits for a server that is away, not for the job
   * @param signal aborting ends both
   * @throws EndpointError when it failed, or the server forgot it
   */
  async result<T>(
    requestId: string,
    what: string,
    schema: z.ZodType<T>,
    { signal, drain }: { signal?: AbortSignal | undefined; drain?: AbortSignal | undefined } = {},
  ): Promise<T> {
    for (;;) {
      signal?.throwIfAborted()
      const reply = await this.patiently(() => this.poll(requestId, signal), eitherSignal(signal, drain))
      if (reply === 'pending') continue
      return this.checked(what, schema, reply)
    }
  }

  /** A binary answer; one that breaks off is asked for again. @throws EndpointError; the signal's reason */
  async download(route: string, signal?: AbortSignal): Promise<Uint8Array> {
    const how = { limitMs: DOWNLOAD_MS, redirect: 'follow', signal } as const
    const reply = await this.patiently(
      () =>
        this.send('GET', route, undefined, how, async (response) => ({
          status: response.status,
          body: response.ok ? new Uint8Array(await response.arrayBuffer()) : await readBody(response),
        })),
      signal,
    )
    if (typeof reply.body === 'string') throw this.refused(route, reply.status, reply.body)
    return reply.body
  }

  private async poll(requestId: string, signal: AbortSignal | undefined): Promise<Reply | 'pending'> {
    const limits = { limitMs: POLL_MS, signal }
    const reply = await this.exchange('POST', 'retrieve_future', { request_id: requestId }, limits).catch(
      (error: unknown) => {
        if (error instanceof EndpointError && error.message.includes(TIMED_OUT)) return 'pending' as const
        throw error
      },
    )
    if (reply === 'pending' || reply.status === 408) return 'pending'
    const { body } = reply
    if (isJsonObject(body) && body['type'] === 'try_again') {
      await this.options.clock.sleep(1000, signal)
      return 'pending'
    }
    return reply
  }

  /** Waits out faults that pass: no connection, 429, 5xx. */
  private async patiently<R extends { readonly status: number } | 'pending'>(
    send: () => Promise<R>,
    signal?: AbortSignal,
  ): Promise<R> {
    const started = this.options.clock.monotonic()
    for (let attempt = 0; ; attempt++) {
      const outcome = await send().catch((error: unknown) => {
        if (error instanceof EndpointError && error.retryable) return error
        throw error
      })
      const isFault = outcome instanceof EndpointError || (outcome !== 'pending' && passes(outcome.status))
      if (!isFault) return outcome
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
    limits: Limits,
  ): Promise<Reply> {
    const { status, text } = await this.send(
      method,
      route,
      body,
      { ...limits, redirect: 'manual' },
      async (response) => ({
        status: response.status,
        text: await readBody(response),
      }),
    )
    const json = parseJson(text)
    if (!json.ok && status >= 200 && status <= 299) throw this.foreign(route, 'its answer is no JSON')
    return { status, body: json.ok ? json.value : { detail: text.slice(0, 300) } }
  }

  /** @param read takes the whole answer: one that breaks off in the middle is a fault of the network as any other */
  private async send<T>(
    method: string,
    route: string,
    body: object | undefined,
    { limitMs, signal, redirect }: Limits & { redirect: 'manual' | 'follow' },
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const { apiKey } = this.options
    const headers: Record<string, string> = {
      'Content-Type': 'application/json',
      ...(apiKey === undefined ? {} : { 'X-API-Key': apiKey }),
    }
    signal?.throwIfAborted()
    try {
      const response = await this.options.fetch(`${this.baseUrl}/api/v1/${route}`, {
        method,
        headers,
        redirect,
        signal: eitherSignal(AbortSignal.timeout(limitMs), signal) ?? null,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      this.answered = true
      return await read(response)
    } catch (error) {
      signal?.throwIfAborted()
      throw error instanceof EndpointError ? error : this.fault(error)
    }
  }

  /** No answer, or half of one. */
  private fault(error: unknown): EndpointError {
    const timedOut = error instanceof Error && error.name === 'TimeoutError'
    const text = timedOut ? TIMED_OUT : rootMessage(error)
    // A server that never answered is more likely the wrong address than a server that is restarting. But what was cut off once may
    // have gone out on an old connection that the server had closed meanwhile.
    const isOld = !this.cutOffOnce && isCutOff(error)
    this.cutOffOnce ||= isOld
    return new EndpointError(
      `the Tinker server at ${this.baseUrl} ${timedOut ? text : `cannot be reached: ${text}`}`,
      { retryable: this.answered || isOld },
      { cause: error },
    )
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
    return new ForeignAnswer(
      `${this.baseUrl} does not answer ${what} like a Tinker server (${why.trim()}): check baseUrl`,
      { retryable: false },
    )
  }
}

class ForeignAnswer extends EndpointError {}

/** Whether something else than a Tinker server answers there: other words than the protocol's, or no such route. */
export function isForeign(error: unknown): error is EndpointError {
  return error instanceof ForeignAnswer || (error instanceof EndpointError && [404, 405].includes(error.status ?? 0))
}

const LOST = /not loaded|not found|unknown/i

/** Whether the server says that a model, a session or a job is not there (any more). */
export function isLost(error: unknown): boolean {
  return error instanceof EndpointError && !error.retryable && error.status !== undefined && LOST.test(error.message)
}

const TIMED_OUT = 'did not answer in time'

/** Whether it may work a moment later: no connection, or a server that says so. */
export function isPassing(error: unknown): boolean {
  return error instanceof EndpointError && (error.retryable || passes(error.status ?? 0))
}

function passes(status: number): boolean {
  return status === 429 || status === 425 || status === 502 || status === 503 || status === 504
}

async function readBody(response: Response): Promise<string> {
  const length = Number(response.headers.get('content-length') ?? 0)
  if (length > MAX_REPLY_BYTES)
    throw new EndpointError(`a Tinker server's answer has ${length} bytes`, { retryable: false })
  return response.text()
}

/** There was a connection, and the other side closed it. */
function isCutOff(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(String(error.code))) return true
  return isCutOff(error.cause)
}

function rootMessage(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? rootMessage(error.cause) : errorMessage(error)
}
