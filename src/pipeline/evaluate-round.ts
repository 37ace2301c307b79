/** One evaluation of a run: which suites, and their results in the run folder. Knows no rounds but the one it is given. */
import type { Clock } from '../core/clock.ts'
import { ConfigError } from '../core/errors.ts'
import type { Suite } from '../evaluation/index.ts'
import type { Config, Document, LanguageModel, OnRunEvent, SuiteResult } from '../records/index.ts'
import type { TaskProfile } from '../roles/index.ts'
import type { RunFolder } from '../store/index.ts'
import { budgetReached } from '../synthesis/index.ts'
import { withContamination, type ContaminationReport } from './contamination.ts'
import { earlierResults, keepResults } from './evaluation-results.ts'
import { evaluationCalls } from './evaluation-calls.ts'
import { heldOutOf, heldOutNotes } from './held-out.ts'
import type { ModelHouse } from './models.ts'

export interface EvaluateRoundOptions {
  readonly round: number
  readonly policy: LanguageModel
  readonly suites: readonly Suite[]
  readonly config: Config
  readonly folder: RunFolder
  readonly models: ModelHouse
  readonly clock: Clock
  readonly onEvent: OnRunEvent
  readonly signal?: AbortSignal | undefined
  readonly contamination?: ContaminationReport | undefined
  /** Throws when the run was told to stop. */
  readonly checkInterrupted: () => void
}

export async function evaluateRound(options: EvaluateRoundOptions): Promise<SuiteResult[]> {
  const { round, policy, config, folder, onEvent } = options
  onEvent({ type: 'stage', round, stage: 'evaluate', state: 'started' })
  const call = evaluationCalls({
    journal: folder.journal,
    concurrency: config.synthesis.concurrency,
    clock: options.clock,
    signal: options.signal,
    checkBudget: () => {
      const reached = budgetReached(options.models.budget, folder.journal)
      if (reached !== null) throw reached
    },
    onProgress: ({ done, asked, promptTokens, completionTokens }) =>
      onEvent({
        type: 'progress',
        round,
        stage: 'evaluate',
        done,
        inFlight: asked - done,
        failed: 0,
        total: asked,
        promptTokens,
        completionTokens,
      }),
  })
  const results: SuiteResult[] = []
  for (const suite of options.suites) {
    options.checkInterrupted()
    const earlier = await earlierResults(folder, suite.name, round)
    const found = await suite.evaluate({ round, policy, call, seed: config.seed, earlier })
    const result = withContamination(found, options.contamination)
    results.push(result)
    for (const text of heldOutNotes(result, earlier)) onEvent({ type: 'note', text })
  }
  await keepResults(folder, round, results)
  onEvent({ type: 'stage', round, stage: 'evaluate', state: 'finished' })
  for (const result of results) onEvent({ type: 'evaluation', result })
  return results
}

/**
 * The held-out documents, where the configuration asks for them, before the suites of the caller.
 * @throws {ConfigError} when the oracle is asked for outside the laboratory
 */
export function suitesOfRun(options: {
  readonly config: Config
  readonly task: TaskProfile
  readonly heldOut: readonly Document[]
  readonly given: readonly Suite[]
  readonly models: ModelHouse
}): readonly Suite[] {
  const { config, task, heldOut, given, models } = options
  const { suites } = config.evaluation
  if (suites.includes('oracle') && !given.some(({ name }) => name === 'oracle')) {
    throw new ConfigError('evaluation.suites: the oracle judges the laboratory only; use heldout, or run: pop lab run')
  }
  if (!suites.includes('heldout') || heldOut.length === 0) return given
  return [heldOutOf({ config, task, documents: heldOut, models }), ...given]
}
