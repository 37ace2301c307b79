/**
 * Suites over policies outside a run's own loop: a run's rounds, a model folder, an endpoint. Every call goes through the
 * journal of the folder, so that the same command goes on where it stopped. Emits events; prints nothing.
 */
import type { Clock } from '../core/clock.ts'
import { InterruptedError } from '../core/errors.ts'
import type { EvaluationContext, Suite } from '../evaluation/index.ts'
import type { LanguageModel, OnRunEvent, SuiteResult } from '../records/index.ts'
import type { RunFolder } from '../store/index.ts'
import { withContamination, type ContaminationReport } from './contamination.ts'
import { evaluationCalls } from './evaluation-calls.ts'
import { earlierResults, keepResults } from './evaluation-results.ts'
import { heldOutNotes } from './held-out.ts'

export interface EvaluateOptions {
  /** Holds the journal; results go to `round-N/evaluation.json` in it. */
  readonly folder: RunFolder
  /** Round 0 is a model before any training, or one outside a run. */
  readonly policies: readonly { readonly round: number; readonly model: LanguageModel; release?(): Promise<void> }[]
  readonly suites: readonly Suite[]
  readonly seed: number
  readonly contamination?: ContaminationReport | undefined
  /** Calls in flight. */
  readonly concurrency: number | 'auto'
  readonly clock: Clock
  readonly onEvent: OnRunEvent
  readonly signal?: AbortSignal | undefined
}

/**
 * Evaluates every policy on every suite. A suite's result is stored as soon as it is there, beside those of other suites.
 * @throws {InterruptedError} when the signal is aborted; {EndpointError} when a model cannot be used: all finished calls
 * are saved
 */
export async function evaluatePolicies(options: EvaluateOptions): Promise<SuiteResult[]> {
  const results: SuiteResult[] = []
  for (const policy of options.policies) {
    const { round, model } = policy
    options.onEvent({ type: 'stage', round, stage: 'evaluate', state: 'started' })
    for (const suite of options.suites) {
      const earlier = await earlierResults(options.folder, suite.name, round)
      const result = await evaluateSuite(options, suite, { round, policy: model, earlier })
      await keepResults(options.folder, round, [result])
      options.onEvent({ type: 'evaluation', result })
      for (const text of heldOutNotes(result, earlier)) options.onEvent({ type: 'note', text })
      results.push(result)
    }
    options.onEvent({ type: 'stage', round, stage: 'evaluate', state: 'finished' })
    await policy.release?.()
  }
  return results
}

async function evaluateSuite(
  options: EvaluateOptions,
  suite: Suite,
  { round, policy, earlier }: Required<Pick<EvaluationContext, 'round' | 'policy' | 'earlier'>>,
): Promise<SuiteResult> {
  const { folder, concurrency, clock, signal, seed, onEvent } = options
  const call = evaluationCalls({
    journal: folder.journal,
    concurrency,
    clock,
    signal,
    onProgress: ({ done, asked, failed, promptTokens, completionTokens }) =>
      onEvent({
        type: 'progress',
        round,
        stage: 'evaluate',
        done,
        inFlight: asked - done,
        failed,
        total: asked,
        promptTokens,
        completionTokens,
      }),
  })
  try {
    const result = await suite.evaluate({ round, policy, call, seed, earlier })
    return withContamination(result, options.contamination)
  } catch (error) {
    if (signal?.aborted !== true) throw error
    throw new InterruptedError('Interrupted; everything finished is saved: run the same command to go on')
  }
}
