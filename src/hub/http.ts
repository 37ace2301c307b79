/**
 * Files behind http(s): streams that go on where they broke off, and slices. Waits when asked to, tries again after
 * faults, and says in one sentence why it gave up. Knows no hub.
 */
import { eitherSignal } from '../core/abort.ts'
import { systemClock, type Clock } from '../core/clock.ts'
import { errorMessage, InputError } from '../core/errors.ts'
import { rng } from '../core/rng.ts'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface HttpDeps {
  readonly fetch?: Fetch
  readonly clock?: Clock
  /** Ends what is under way, with its reason. */
  readonly signal?: AbortSignal
}

/** Something to GET. */
export interface Address {
  readonly url: string
  /** For people: what the messages say cannot be read. */
  readonly name: string
  /** Not sent on to another host when the server redirects (fetch drops `authorization` there). */
  readonly headers?: Readonly<Record<string, string>>
  /** Why the server refused, from its answer; null for the plain sentence. */
  readonly explain?: (response: Response) => string | null
}

/** Tries without a byte gained in between. */
const tries = 6
const firstWaitMs = 500
const longestWaitMs = 60_000
/** Longest wait that a server may ask for. */
const longestAskedMs = 15 * 60_000
/** Without a byte for so long, a connection is taken to be dead. */
const silenceMs = 60_000

export class HttpClient {
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
  private readonly fetch: Fetch

  constructor(deps: HttpDeps = {}) {
    this.fetch = deps.fetch ?? ((url, init) => globalThis.fetch(url, init))
    this.clock = deps.clock ?? systemClock
    this.signal = deps.signal
  }

  /** A whole small reply as text. @throws {InputError} when it cannot be had, or is longer than `maxBytes` */
  async text(address: Address, maxBytes: number): Promise<{ text: string; headers: Headers }> {
    return this.again(address, async (signal) => {
      const response = await this.get(address, {}, signal)
      const chunks: Uint8Array[] = []
      let length = 0
      for await (const chunk of this.body(response, signal)) {
        length += chunk.length
        if (length > maxBytes)
          throw new InputError(`${address.name}: the server's answer is longer than ${maxBytes} bytes`)
        chunks.push(chunk)
      }
      return { text: Buffer.concat(chunks).toString('utf8'), headers: response.headers }
    })
  }

  /** Bytes in all. @throws {InputError} when the server takes no range requests */
  async size(address: Address): Promise<number> {
    return this.again(address, async (signal) => {
      const response = await this.get(address, { range: 'bytes=0-0' }, signal)
      await response.body?.cancel()
      const total = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]
      if (response.status === 206 && total !== undefined) return Number(total)
      throw noRanges(address)
    })
  }

  /** Bytes `start` … `end` − 1. @throws {InputError} */
  async slice(address: Address, start: number, end: number): Promise<ArrayBuffer> {
    if (end <= start) return new ArrayBuffer(0)
    return this.again(address, async (signal) => {
      const response = await this.get(address, { range: `bytes=${start}-${end - 1}` }, signal)
      if (response.status !== 206) {
        await response.body?.cancel()
        throw noRanges(address)
      }
      const bytes = new Uint8Array(end - start)
      let length = 0
      for await (const chunk of this.body(response, signal)) {
        if (length + chunk.length > bytes.length) throw new Error('the server sent more than was asked for')
        bytes.set(chunk, length)
        length += chunk.length
      }
      if (length < bytes.length) throw new Error(`the connection ended after ${length} of ${bytes.length} bytes`)
      return bytes.buffer
    })
  }

  /**
   * All bytes from `start` on. A broken connection is taken up where it broke off, as long as the file is the same.
   * @throws {InputError} when the server refuses, the file changes meanwhile, or nothing comes any more
   */
  async *stream(address: Address, start = 0): AsyncGenerator<Uint8Array> {
    let at = start
    let etag: string | null = null
    for (let failures = 0; ;) {
      const silence = new Silence(this.clock, this.signal)
      try {
        const headers = restOf(at, etag)
        const response = await this.get(address, headers, silence.signal)
        requireRest(address, at, etag, response)
        etag ??= strongTag(response)
        const expected = remaining(response)
        const before = at
        for await (const chunk of this.body(response, silence.signal, silence)) {
          at += chunk.length
          failures = 0
          yield chunk
        }
        if (expected === null || at - before >= expected) return
        throw new Error(`the connection ended after ${at - before} of ${expected} bytes`)
      } catch (error) {
        await this.wait(address, ++failures, error)
      } finally {
        silence.end()
      }
    }
  }

  private async again<T>(address: Address, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (let failures = 0; ;) {
      const silence = new Silence(this.clock, this.signal)
      try {
        return await work(silence.signal)
      } catch (error) {
        await this.wait(address, ++failures, error)
      } finally {
        silence.end()
      }
    }
  }

  private async get(address: Address, more: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const headers = { 'accept-encoding': 'identity', ...address.headers, ...more }
    const response = await this.fetch(address.url, { headers, signal })
    if (response.ok) return response
    await response.body?.cancel()
    const why = address.explain?.(response) ?? null
    const asked = retryAfterMs(response, this.clock.now())
    if (response.status === 429 || response.status >= 500 || response.status === 408) {
      throw new Busy(`the server answered ${response.status}`, asked)
    }
    throw new InputError(why ?? `Cannot read ${address.name}: the server answered ${response.status}`)
  }

  private async *body(response: Response, signal: AbortSignal, silence?: Silence): AsyncGenerator<Uint8Array> {
    if (response.body === null) return
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      silence?.heard()
      signal.throwIfAborted()
      yield chunk
    }
  }

  /** Waits before the next try. @throws {InputError} when there is none; the signal's reason */
  private async wait({ name, url }: Address, failures: number, error: unknown): Promise<void> {
    this.signal?.throwIfAborted()
    if (error instanceof InputError) throw error
    if (failures >= tries) {
      throw new InputError(`Cannot read ${name}: ${reason(error)} (tried ${tries} times); run the same command again`, {
        cause: error,
      })
    }
    const backOff = firstWaitMs * 2 ** failures * (0.5 + rng('http', url, failures).uniform())
    const asked = error instanceof Busy ? error.askedMs : 0
    if (asked > longestAskedMs) {
      throw new InputError(`Cannot read ${name}: the server asks to come back in ${Math.ceil(asked / 60_000)} minutes`)
    }
    await this.clock.sleep(Math.max(asked, Math.min(longestWaitMs, backOff)), this.signal)
  }
}

/** The server is there and cannot just now. */
class Busy extends Error {
  readonly askedMs: number

  constructor(message: string, askedMs: number) {
    super(message)
    this.askedMs = askedMs
  }
}

/** Aborts its signal when nothing was heard for a while, or when the caller's does. */
class Silence {
  readonly signal: AbortSignal
  private readonly clock: Clock
  private readonly controller = new AbortController()
  private timer = new AbortController()

  constructor(clock: Clock, outer: AbortSignal | undefined) {
    this.clock = clock
    this.signal = eitherSignal(outer, this.controller.signal) ?? this.controller.signal
    this.heard()
  }

  heard(): void {
    this.timer.abort()
    this.timer = new AbortController()
    this.clock.sleep(silenceMs, this.timer.signal).then(
      () => this.controller.abort(new Error(`nothing came for ${silenceMs / 1000} seconds`)),
      () => undefined,
    )
  }

  end(): void {
    this.timer.abort()
  }
}

/** Asks for what is missing, if the file is still the same. */
function restOf(at: number, etag: string | null): Record<string, string> {
  if (at === 0) return {}
  return { range: `bytes=${at}-`, ...(etag === null ? {} : { 'if-range': etag }) }
}

/** The whole file in place of its rest: another file by now, or a server that knows no ranges. */
function requireRest(address: Address, at: number, etag: string | null, { status }: Response): void {
  if (at === 0 || status === 206) return
  throw etag === null
    ? noRanges(address)
    : new InputError(`${address.name} changed while it was read; run the same command again`)
}

function noRanges({ name }: Address): InputError {
  return new InputError(`Cannot read ${name}: its server takes no range requests; download the file and name its path`)
}

/** A tag that names exactly these bytes; a weak one cannot guard a range (RFC 9110, 13.1.5). */
function strongTag(response: Response): string | null {
  const tag = response.headers.get('etag')
  return tag === null || tag.startsWith('W/') ? null : tag
}

/** Bytes that this answer should bring; null where it does not say or was encoded on the way. */
function remaining(response: Response): number | null {
  const length = response.headers.get('content-length')
  return length === null || response.headers.has('content-encoding') ? null : Number(length)
}

function retryAfterMs(response: Response, now: number): number {
  const value = response.headers.get('retry-after')
  if (value === null) return 0
  const seconds = Number(value)
  // Against the server's own clock where it tells the time: ours may be wrong.
  const serverNow = Date.parse(response.headers.get('date') ?? '')
  const until = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - (serverNow || now)
  return Number.isFinite(until) ? Math.max(0, until) : 0
}

/** `fetch failed` says nothing; its cause does. */
function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = (cause as NodeJS.ErrnoException | undefined)?.code
  const message = errorMessage(cause)
  return message === '' ? (code ?? 'the connection failed') : message
}
