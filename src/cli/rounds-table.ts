/** What the rounds of a run came to, as a table for people. */
import type { Estimate } from '../records/index.ts'
import type { RunSummary } from '../pipeline/index.ts'
import { table } from './format.ts'

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
  return table(['', 'suite', 'sampled score', 'greedy score', 'valid', 'words', 'pairs'], rows)
}

function estimate(value: Estimate | null): string {
  if (value === null) return '–'
  return `${value.mean.toFixed(3)} [${value.low.toFixed(3)}, ${value.high.toFixed(3)}]`
}

function percent(value: number | null): string {
  return value === null ? '–' : `${(100 * value).toFixed(1)} %`
}
