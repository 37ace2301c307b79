/**
 * Model calls of the suites: looked up in the journal first, limited, recorded. A model that only fails is given up
 * instead of being asked thousands of times. Knows no suite.
 */
import { setMaxListeners } from 'node:events'
import type { Clock } from '../core/clock.ts'
import { EndpointError, type ThresholdError } from '../core/errors.ts'
import { hashValue } from '../core/hash.ts'
import { Lanes } from '../core/lanes.ts'
import type { Call } from '../evaluation/index.ts'
import type { GenerateRequest, Generation, LanguageModel } from '../records/index.ts'
import type { Journal } from '../store/index.ts'
import { CircuitBreaker } from '../synthesis/index.ts'

export interface CallsProgress {
  done: number
  asked: number
  failed: number
  promptTokens: number
  completionTokens: number
}

export interface EvaluationCallsOptions {
  readonly journal: Journal
  /** Samples in flight at most. */
  readonly concurrency: number | 'auto'
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  /** @throws {BudgetError} before a call that nothing is left for */
  readonly checkBudget?: () => void
  /** After every finished call: how many came back, out of how many asked for so far. */
  readonly onProgress: (state: Readonly<CallsProgress>) => void
}

/**
 * A `Call` for suites. It rejects with the signal's reason once that is aborted (calls that are out are still recorded),
 * with `EndpointError` for a call that failed, with `ThresholdError` when most calls to the model fail: suites take the
 * former as a gap and not the latter.
 */
export function evaluationCalls(options: EvaluationCallsOptions): Call {
  const { journal, onProgress, signal } = options
  // Every call that waits listens; more than ten of them are no leak.
  if (signal !== undefined) setMaxListeners(0, signal)
  const lanes = new Lanes(options.concurrency)
  const breakers = new Map<LanguageModel, CircuitBreaker>()
  const state: CallsProgress = { done: 0, asked: 0, failed: 0, promptTokens: 0, completionTokens: 0 }
  const givenUp: { reason?: ThresholdError } = {}

  const breakerOf = (model: LanguageModel): CircuitBreaker => {
    const breaker = breakers.get(model) ?? new CircuitBreaker(() => lanes.of(model.capacity).limit)
    breakers.set(model, breaker)
    return breaker
  }

  const attempt = async (call: PlannedCall): Promise<Generation[]> => {
    if (givenUp.reason !== undefined) throw givenUp.reason
    const breaker = breakerOf(call.model)
    try {
      const generations = await make(options, call)
      breaker.succeeded()
      count(state, generations)
      return generations
    } catch (error) {
      if (!(error instanceof EndpointError)) throw error
      state.failed++
      if (breaker.failed(error)) givenUp.reason ??= breaker.describe(call.model.name, error)
      throw givenUp.reason ?? error
    } finally {
      onProgress(state)
    }
  }

  return async (key, model, request) => {
    state.asked++
    const inputs = hashValue({ model: model.name, request })
    const found = journal.get(key, inputs)
    if (found?.kind !== 'call') {
      return lanes.of(model.capacity).run(0, () => attempt({ key, inputs, model, request }), request.n)
    }
    breakerOf(model).workedBefore()
    state.done++
    onProgress(state)
    return found.generations
  }
}

interface PlannedCall {
  readonly key: string
  readonly inputs: string
  readonly model: LanguageModel
  readonly request: GenerateRequest
}

function count(state: CallsProgress, generations: readonly Generation[]): void {
  state.done++
  for (const { usage } of generations) {
    state.promptTokens += usage.promptTokens
    state.completionTokens += usage.completionTokens
  }
}

async function make(
  { journal, clock, signal, checkBudget }: EvaluationCallsOptions,
  { key, inputs, model, request }: PlannedCall,
): Promise<Generation[]> {
  signal?.throwIfAborted()
  checkBudget?.()
  const started = clock.monotonic()
  const drain = signal === undefined ? {} : { drain: signal }
  const generations = (await model.generate(request, undefined, drain)).map(
    ({ text, finishReason, usage, numbers }) => ({
      text,
      finishReason,
      usage,
      ...(numbers === undefined ? {} : { numbers: [...numbers] }),
    }),
  )
  const ms = Math.round(clock.monotonic() - started)
  await journal.append({ v: 1, kind: 'call', key, inputs, at: clock.now(), ms, model: model.name, generations })
  return generations
}
