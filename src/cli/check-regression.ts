/** Exit code 3 for a run that got worse. */
import { ThresholdError } from '../core/errors.ts'
import { regressions } from '../evaluation/index.ts'
import type { Config, SuiteResult } from '../records/index.ts'

/**
 * @param results of all rounds
 * @throws {ThresholdError} when a suite lost more than `evaluation.maxRegression` from the first to the last of the rounds
 */
export function checkRegression(
  { evaluation: { maxRegression }, seed }: Config,
  results: readonly SuiteResult[],
): void {
  const rounds = results.map(({ round }) => round)
  const [first, last] = [Math.min(...rounds), Math.max(...rounds)]
  if (maxRegression === undefined || first === last) return
  const of = (round: number): SuiteResult[] => results.filter((result) => result.round === round)
  const lost = regressions(of(first), of(last), maxRegression, seed)
  if (lost.length === 0) return
  throw new ThresholdError(
    `from round ${first} to round ${last}, more was lost than evaluation.maxRegression (${maxRegression}) allows: ` +
      lost.map(({ suite, loss }) => `${suite} −${loss.toFixed(3)}`).join(', '),
  )
}
