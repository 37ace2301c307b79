/** What the rounds of a run came to, as a table for people. */
import { compareResults } from '../evaluation/index.ts'
import type { SuiteResult } from '../records/index.ts'
import type { RunSummary } from '../pipeline/index.ts'
import { estimate, table } from './format.ts'

/** One line per round and suite. Round 0 is the model before the first round. */
export function roundsTable({ rounds }: Pick<RunSummary, 'rounds'>): string {
  const rows = rounds.flatMap(({ round, results, pairs }) =>
    results.map((result) => [
      round === 0 ? 'before' : `round ${round}`,
      result.suite,
      estimate(result.sampled),
      estimate(result.greedy),
      percent(result.validity),
      result.meanAnswerWords === null ? '–' : result.meanAnswerWords.toFixed(1),
      round === 0 ? '–' : String(pairs),
    ]),
  )
  if (rows.length === 0) return 'not evaluated: evaluation.suites is empty, or nothing was held out'
  return table(['', 'suite', 'sampled score', 'greedy score', 'valid', 'words', 'pairs'], rows)
}

/** How far the last round is from the start on the same questions, a line per suite and one per caution; none before there is a round. */
export function gainLines({ rounds }: Pick<RunSummary, 'rounds'>): string[] {
  const before = rounds[0]?.results ?? []
  const after = rounds.at(-1)?.results ?? []
  return before.flatMap((first) => {
    const last = after.find(({ suite, round }) => suite === first.suite && round > 0)
    return last === undefined ? [] : gainOf(first, last)
  })
}

function gainOf(before: SuiteResult, after: SuiteResult): string[] {
  const { difference: gain, warnings } = compareResults([before], [after], before.suite)
  const rounds = `after ${after.round} ${after.round === 1 ? 'round' : 'rounds'}`
  const line =
    gain === null
      ? `not compared ${rounds}: no question is the same and scored both times`
      : `sampled score ${signed(gain.mean)} [${signed(gain.low)}, ${signed(gain.high)}] ${rounds}, paired over ${gain.n} questions`
  return [`${before.suite}: ${line}`, ...warnings.map((warning) => `  caution: ${warning}`)]
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`
}

function percent(value: number | null): string {
  return value === null ? '–' : `${(100 * value).toFixed(1)} %`
}
