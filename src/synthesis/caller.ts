/**
 * The one way to a model: looks in the journal first, waits for its turn, calls with a seed that follows from the run's
 * seed and the call's key, writes the journal, hands on. A finished call is never made again. Knows no role.
 */
import type { Clock } from '../core/clock.ts'
import type { PriorityLimiter } from '../core/concurrency.ts'
import { Lanes } from '../core/lanes.ts'
import { EndpointError, type ThresholdError } from '../core/errors.ts'
import { hashValue } from '../core/hash.ts'
import { deriveSeed, rng } from '../core/rng.ts'
import type { GenerateRequest, Generation, JournalCall, LanguageModel } from '../records/index.ts'
import type { Journal } from '../store/index.ts'
import { CircuitBreaker } from './breaker.ts'
import { budgetReached, type Budget } from './budget.ts'
import { synthesisStages, type SynthesisEvent, type SynthesisStage } from './events.ts'
import { Stopped, type Stopper } from './stopper.ts'

/** Tries of one call, the first included; the model's client has its own below this. */
const tries = 3
const firstWaitMs = 1000
const longestWaitMs = 60_000
/** Answers that no other call will get either: wrong key, no access, no such model. */
const hopelessStatus: readonly (number | undefined)[] = [401, 403, 404]

export interface Call {
  readonly stage: SynthesisStage
  readonly key: string
  readonly model: LanguageModel
  /** Without the seed, which follows from the key. */
  readonly request: Omit<GenerateRequest, 'seed'>
  /** Journal token ids and log-probs too, where the model gives them: training works on them. */
  readonly keepTokens?: boolean
}

/** A sample as the journal keeps it: what a resume sees is what the first run saw. */
export type Sample = JournalCall['generations'][number]

/** `ok: false`: given up for this session; nothing was journaled, so a resume makes the call again. */
export type CallResult =
  | {
      readonly ok: true
      readonly samples: readonly Sample[]
      /** They came from the journal. */
      readonly replayed: boolean
    }
  | { readonly ok: false; readonly error: EndpointError }

/** What is used of a journal. */
export type JournalAccess = Pick<Journal, 'get' | 'has' | 'append' | 'usage' | 'usageByModel'>

export interface CallerOptions {
  readonly journal: JournalAccess
  readonly seed: number
  /** Samples in flight at most. */
  readonly concurrency: number | 'auto'
  readonly budget: Budget | undefined
  readonly stopper: Stopper
  readonly clock: Clock
  readonly onEvent: (event: SynthesisEvent) => void
}

export class Caller {
  private readonly options: CallerOptions
  private readonly lanes: Lanes
  private readonly breakers = new Map<LanguageModel, CircuitBreaker>()

  constructor(options: CallerOptions) {
    this.options = options
    this.lanes = new Lanes(options.concurrency)
  }

  /** Where calls to `model` wait for their turn; models behind one server share it. */
  laneOf(model: LanguageModel): PriorityLimiter {
    return this.lanes.of(model.capacity)
  }

  /**
   * The samples of a call, from the journal or from the model.
   * @throws {Stopped} when the run is stopping and the call is not in the journal.
   */
  async call(call: Call): Promise<CallResult> {
    const { request, inputs } = this.requestOf(call)
    const found = this.options.journal.get(call.key, inputs)
    if (found?.kind === 'call') {
      this.breakerOf(call.model).workedBefore()
      this.finished(call, found, true)
      return { ok: true, samples: found.generations, replayed: true }
    }
    const place = synthesisStages.indexOf(call.stage)
    const result = await this.laneOf(call.model).run(place, () => this.make(call, request, inputs), request.n)
    if (result instanceof EndpointError) {
      // A failure that stops the run, or comes while it stops, says nothing about the question.
      this.options.stopper.check()
      return { ok: false, error: result }
    }
    return { ok: true, samples: result.generations, replayed: false }
  }

  /** Whether the journal has the call, of whatever session. */
  knows(call: Call): boolean {
    return this.options.journal.has(call.key, this.requestOf(call).inputs)
  }

  /** The samples of a call that this session has had, from the journal; nothing is told of it. */
  recall(call: Call): CallResult {
    const found = this.options.journal.get(call.key, this.requestOf(call).inputs)
    if (found?.kind !== 'call') throw new Error(`${call.key} is not in the journal`)
    return { ok: true, samples: found.generations, replayed: true }
  }

  /** The error of a model that was called and never worked, neither now nor in the journal; null when there is none. */
  get uselessModel(): ThresholdError | null {
    for (const [model, breaker] of this.breakers) {
      if (breaker.onlyFailed !== null) return breaker.describe(model.name, breaker.onlyFailed)
    }
    return null
  }

  private requestOf(call: Call): { readonly request: GenerateRequest; readonly inputs: string } {
    const request = { ...call.request, seed: deriveSeed(this.options.seed, call.key) }
    return { request, inputs: hashValue({ model: call.model.name, request }) }
  }

  private async make(call: Call, request: GenerateRequest, inputs: string): Promise<JournalCall | EndpointError> {
    const { journal, stopper, clock, onEvent } = this.options
    stopper.check()
    this.checkBudget()
    onEvent({ type: 'callStarted', stage: call.stage, key: call.key })
    const before = clock.monotonic()
    const outcome = await this.tryCall(call, request)
    if (outcome instanceof EndpointError) {
      onEvent({ type: 'callFailed', stage: call.stage, key: call.key, message: outcome.message })
      return outcome
    }
    const ms = Math.round(clock.monotonic() - before)
    const generations = outcome.map((generation) => toSample(generation, call.keepTokens === true))
    const { key, model } = call
    const entry: JournalCall = { v: 1, kind: 'call', key, inputs, at: clock.now(), ms, model: model.name, generations }
    // Its place is free when the call is written: a disk slower than the models slows the calls, not fills the memory.
    await journal.append(entry)
    this.finished(call, entry, false)
    return entry
  }

  private async tryCall(call: Call, request: GenerateRequest): Promise<Generation[] | EndpointError> {
    const breaker = this.breakerOf(call.model)
    const { stopper } = this.options
    const hints = { group: questionOf(call.key), drain: stopper.signal }
    for (let attempt = 1; ; attempt++) {
      try {
        const generations = await call.model.generate(request, undefined, hints)
        if (generations.length !== request.n) throw wrongCount(call.model, generations.length, request.n)
        breaker.succeeded()
        return generations
      } catch (error) {
        if (!(error instanceof EndpointError)) throw this.endedBy(call, error)
        if (hopelessStatus.includes(error.status)) stopper.stop(error)
        else if (breaker.failed(error)) stopper.stop(breaker.describe(call.model.name, error))
        if (!error.retryable || attempt >= tries || stopper.reason !== null) return error
        await this.wait(call, attempt, error)
      }
    }
  }

  /** What to throw for an error that is none of the model's: a stop that ended a wait inside it, or a fault of ours. */
  private endedBy(call: Call, error: unknown): unknown {
    const { stopper, onEvent } = this.options
    if (stopper.reason === null || error !== stopper.reason) return error
    onEvent({ type: 'callFailed', stage: call.stage, key: call.key, message: stopper.reason.message })
    return new Stopped()
  }

  /** @throws {Stopped} when the run stops meanwhile. */
  private async wait(call: Call, attempt: number, error: EndpointError): Promise<void> {
    const { seed, clock, stopper, onEvent } = this.options
    const jitter = 0.5 + rng(seed, call.key, 'wait', attempt).uniform()
    const asked = error.retryAfterSeconds === undefined ? 0 : error.retryAfterSeconds * 1000
    const waitMs = Math.min(longestWaitMs, Math.max(asked, firstWaitMs * 2 ** (attempt - 1) * jitter))
    onEvent({ type: 'callRetried', stage: call.stage, key: call.key, waitMs, message: error.message })
    await clock.sleep(waitMs, stopper.signal).catch((reason: unknown) => {
      onEvent({ type: 'callFailed', stage: call.stage, key: call.key, message: error.message })
      throw stopper.reason === null ? reason : new Stopped()
    })
  }

  private checkBudget(): void {
    const { journal, stopper, budget } = this.options
    const reached = budget === undefined ? null : budgetReached(budget, journal)
    if (reached === null) return
    stopper.stop(reached)
    stopper.check()
  }

  private finished(call: Call, entry: JournalCall, replayed: boolean): void {
    const total = (pick: (sample: Sample) => number): number =>
      entry.generations.reduce((sum, sample) => sum + pick(sample), 0)
    this.options.onEvent({
      type: 'callFinished',
      stage: call.stage,
      key: call.key,
      replayed,
      promptTokens: total(({ usage }) => usage.promptTokens),
      completionTokens: total(({ usage }) => usage.completionTokens),
      ms: entry.ms,
    })
  }

  private breakerOf(model: LanguageModel): CircuitBreaker {
    const breaker = this.breakers.get(model) ?? new CircuitBreaker(() => this.laneOf(model).limit)
    this.breakers.set(model, breaker)
    return breaker
  }
}

/** `r1/<documentId>/q0` of a call's key: calls of one question share most of their prompts. */
function questionOf(key: string): string {
  return key.split('/', 3).join('/')
}

function toSample({ text, finishReason, usage, numbers, tokens, logprobs }: Generation, keepTokens: boolean): Sample {
  const { promptTokens, completionTokens } = usage
  return {
    text,
    finishReason,
    usage: { promptTokens: count(promptTokens), completionTokens: count(completionTokens) },
    ...(numbers === undefined ? {} : { numbers: [...numbers] }),
    ...(keepTokens && tokens !== undefined && logprobs?.length === tokens.length
      ? { tokens: [...tokens], logprobs: [...logprobs] }
      : {}),
  }
}

/** Token counts come from a server; the journal takes whole numbers only. */
function count(value: number): number {
  return Number.isFinite(value) ? Math.max(0, Math.round(value)) : 0
}

function wrongCount(model: LanguageModel, got: number, wanted: number): EndpointError {
  return new EndpointError(`${model.name} gave ${got} samples where ${wanted} were asked for`, { retryable: false })
}
