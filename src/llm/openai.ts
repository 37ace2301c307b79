/**
 * Any server that speaks OpenAI's chat completions. What a server refuses or leaves out is learned once per endpoint
 * and worked round: fewer choices than asked, no `n`, no `seed`, another name for the token limit, no usage.
 */
import { EndpointError } from '../core/errors.ts'
import { PriorityLimiter } from '../core/concurrency.ts'
import { parseJson, type JsonValue } from '../core/json.ts'
import { deriveSeed, rng } from '../core/rng.ts'
import { systemClock, type Clock } from '../core/clock.ts'
import { listModels, statusError } from './openai-faults.ts'
import { chatBody, readCompletion, refusedParameter } from './openai-wire.ts'
import { spreadUsage } from './usage.ts'
import { exchange, type Fetch, type HttpReply } from './transport.ts'
import { patientFetch } from './patient-fetch.ts'
import { withRetries, type RetryPolicy } from './retry.ts'
import type { GenerateRequest, Generation, LanguageModel } from '../records/index.ts'
import type { ChatCall, Completion, Parameter } from './openai-wire.ts'

export interface OpenAiOptions {
  /** Up to and including `/v1`. */
  readonly baseUrl: string
  /** The model's name on the server. */
  readonly name: string
  readonly apiKey?: string
  /** Name of the variable that holds the key, for messages. */
  readonly apiKeyEnv?: string
  readonly timeoutSeconds?: number
  readonly retry?: Partial<RetryPolicy>
  /** Requests in flight for one-sample requests, where the server gives one choice per request. */
  readonly singleSampleRequests?: number
  readonly fetch?: Fetch
  readonly clock?: Clock
  /** Told once for each thing that the server does not do as asked. */
  readonly onNotice?: (notice: string) => void
}

const DEFAULT_RETRY: RetryPolicy = { retries: 5, maxWaitSeconds: 1800 }

const NOTICES: Readonly<Record<Parameter, string>> = {
  n: 'takes one sample per request: samples are asked for one by one',
  seed: 'does not take a seed: its samples cannot be repeated',
  top_k: 'does not take top_k: it is left out',
  top_p: 'does not take top_p: it is left out',
  stop: 'does not take stop strings: texts are cut here',
  temperature: 'does not take a temperature: it samples at its own, also where greedy was asked for',
  max_tokens: 'takes max_completion_tokens in place of max_tokens',
}

/** @throws EndpointError from `generate` when the server cannot be used; `retryable` says whether later may help */
export class OpenAiLanguageModel implements LanguageModel {
  readonly name: string
  private readonly baseUrl: URL
  private readonly options: OpenAiOptions
  private readonly fetch: Fetch
  private readonly clock: Clock
  private readonly retry: RetryPolicy
  private readonly refused = new Set<Parameter>()
  private readonly noticed = new Set<string>()
  private readonly singles: PriorityLimiter
  private ignoresN = false
  private answered = false

  constructor(options: OpenAiOptions) {
    this.options = options
    this.name = options.name
    this.baseUrl = new URL(options.baseUrl)
    this.fetch = options.fetch ?? patientFetch()
    this.clock = options.clock ?? systemClock
    this.retry = { ...DEFAULT_RETRY, ...options.retry }
    this.singles = new PriorityLimiter(options.singleSampleRequests ?? 8)
  }

  async generate(request: GenerateRequest, signal?: AbortSignal): Promise<Generation[]> {
    signal?.throwIfAborted()
    // A signal of our own, so that many calls may wait on one caller's signal without a warning about listeners.
    const local = signal === undefined ? undefined : AbortSignal.any([signal])
    // Greedy samples are equal by definition: one is enough, and some servers refuse more.
    const wanted = request.temperature === 0 ? 1 : request.n
    const completions = await this.complete(request, wanted, local)
    this.noticeOddities(request, completions)
    const generations = spreadUsage(completions, request)
    const first = generations[0]
    if (wanted < request.n && first !== undefined) {
      const copy = { ...first, usage: { promptTokens: 0, completionTokens: 0 } }
      return [first, ...Array.from({ length: request.n - 1 }, () => copy)]
    }
    return generations.slice(0, request.n)
  }

  /** Names of the models that the server offers. @throws EndpointError when it does not say */
  async models(signal?: AbortSignal): Promise<string[]> {
    return listModels(await this.send('GET', 'models', undefined, signal))
  }

  private async complete(request: GenerateRequest, wanted: number, signal?: AbortSignal): Promise<Completion[]> {
    const singly = wanted > 1 && (this.ignoresN || this.refused.has('n'))
    const first = singly ? undefined : await this.call({ request, n: wanted, seed: request.seed }, signal)
    const have = Math.min(first?.choices.length ?? 0, wanted)
    if (first !== undefined && have < wanted && !this.refused.has('n')) {
      this.ignoresN = true
      this.notice(`gave ${have} of ${wanted} samples: the others are asked for one by one`)
    }
    const rest = await this.oneByOne(request, { from: have, to: wanted }, signal)
    return first === undefined ? rest : [first, ...rest]
  }

  /** Samples `from` … `to` − 1, each by a request of its own; when one fails for good, the others are called off. */
  private async oneByOne(
    request: GenerateRequest,
    { from, to }: { from: number; to: number },
    signal?: AbortSignal,
  ): Promise<Completion[]> {
    const failed = new AbortController()
    const either = AbortSignal.any(signal === undefined ? [failed.signal] : [signal, failed.signal])
    const calls = Array.from({ length: to - from }, (_, i) =>
      this.singles.run(0, () => this.call({ request, n: 1, seed: sampleSeed(request.seed, from + i) }, either)),
    )
    try {
      return await Promise.all(calls)
    } catch (error) {
      failed.abort()
      await Promise.allSettled(calls)
      throw error
    }
  }

  private call(call: ChatCall, signal?: AbortSignal): Promise<Completion> {
    const jitter = rng(call.seed, 'back-off')
    return withRetries(() => this.attempt(call, signal), this.retry, { clock: this.clock, jitter }, signal)
  }

  /** One exchange, repeated at once for each parameter that the server refuses; what helped is kept. */
  private async attempt(call: ChatCall, signal?: AbortSignal): Promise<Completion> {
    const refused = new Set(this.refused)
    for (;;) {
      const body = chatBody(this.name, refused.has('n') ? { ...call, n: 1 } : call, refused)
      const reply = await this.send('POST', 'chat/completions', JSON.stringify(body), signal)
      const parsed = parseJson(reply.text)
      if (reply.status === 400 || reply.status === 422) {
        const parameter = parsed.ok ? refusedParameter(parsed.value, body) : undefined
        if (parameter !== undefined && !refused.has(parameter)) {
          refused.add(parameter)
          continue
        }
      }
      if (reply.status === 404) throw await this.missing(reply, signal)
      const completion = readCompletion(
        this.accepted(reply, parsed.ok ? parsed.value : undefined),
        call.request.stop ?? [],
      )
      if (completion.choices.length === 0) throw new EndpointError('the server gave no choices', { retryable: true })
      this.learn(refused)
      return completion
    }
  }

  private async send(method: 'GET' | 'POST', path: string, body?: string, signal?: AbortSignal): Promise<HttpReply> {
    const { apiKey, timeoutSeconds = 600 } = this.options
    const headers = {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    }
    const request = {
      url: this.url(path),
      method,
      headers,
      timeoutMs: timeoutSeconds * 1000,
      ...(body === undefined ? {} : { body }),
    }
    const deps = { fetch: this.fetch, clock: this.clock, hasAnswered: () => this.answered }
    const reply = await exchange(request, deps, signal)
    this.answered = true
    return reply
  }

  /** The base address may carry a query (an API version), which stays at the end. */
  private url(path: string): string {
    const url = new URL(this.baseUrl)
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/${path}`
    return url.href
  }

  private accepted(reply: HttpReply, value: JsonValue | undefined): JsonValue {
    const { apiKey, apiKeyEnv } = this.options
    const error = statusError(reply, value, {
      url: this.url('chat/completions'),
      apiKey,
      apiKeyEnv,
      now: this.clock.now(),
    })
    if (error !== undefined) throw error
    return value as JsonValue
  }

  /** A 404 is an unknown model or a wrong address; the list of models tells which. */
  private async missing(reply: HttpReply, signal?: AbortSignal): Promise<EndpointError> {
    const offered = await this.models(signal).catch(() => undefined)
    signal?.throwIfAborted()
    const facts = { retryable: false, status: reply.status }
    if (offered === undefined) {
      return new EndpointError(
        `no chat completions at ${this.url('chat/completions')} (404): baseUrl usually ends with /v1`,
        facts,
      )
    }
    const list = offered.length === 0 ? 'none' : offered.slice(0, 20).join(', ')
    return new EndpointError(`the server has no model named "${this.name}" (404); it offers: ${list}`, facts)
  }

  private learn(refused: ReadonlySet<Parameter>): void {
    for (const parameter of refused) {
      if (this.refused.has(parameter)) continue
      this.refused.add(parameter)
      this.notice(NOTICES[parameter])
    }
  }

  private notice(text: string): void {
    if (this.noticed.has(text)) return
    this.noticed.add(text)
    this.options.onNotice?.(`${this.name}: the server ${text}`)
  }

  private noticeOddities(request: GenerateRequest, completions: readonly Completion[]): void {
    if (completions.some(({ usage }) => usage === null)) {
      this.notice('counts no tokens: usage is estimated from the length of the texts')
    }
    // Equal samples would make every question worthless, silently.
    const texts = completions.flatMap(({ choices }) => choices.map((choice) => choice.text))
    if (request.temperature === 0 || texts.length < 4 || (texts[0] ?? '').length < 40 || new Set(texts).size > 1) return
    this.notice(
      `gave ${texts.length} equal long samples at temperature ${request.temperature}: does it sample? ` +
        '(transformers serve does only if generation_config.json says do_sample)',
    )
  }
}

/** Sample 0 keeps the request's seed, the others get seeds of their own. */
function sampleSeed(seed: number, index: number): number {
  return index === 0 ? seed : deriveSeed(seed, 'sample', index)
}
