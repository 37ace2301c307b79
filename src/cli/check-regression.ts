/** Exit code 3 for what got worse, and for what cannot be held against what was before. */
import { ThresholdError } from '../core/errors.ts'
import { regressions, type Regression } from '../evaluation/index.ts'
import type { Config, SuiteResult } from '../records/index.ts'

/**
 * @param results of all rounds
 * @throws {ThresholdError} when a suite lost more than `evaluation.maxRegression` from the first to the last of the rounds, or
 * cannot be compared
 */
export function checkRegression(
  { evaluation: { maxRegression }, seed }: Config,
  results: readonly SuiteResult[],
): void {
  const rounds = results.map(({ round }) => round)
  const [first, last] = [Math.min(...rounds), Math.max(...rounds)]
  if (maxRegression === undefined || first === last) return
  const of = (round: number): SuiteResult[] => results.filter((result) => result.round === round)
  refuseRegressions(regressions(of(first), of(last), maxRegression, seed), {
    between: `from round ${first} to round ${last}, `,
    limit: `evaluation.maxRegression (${maxRegression})`,
  })
}

/**
 * @param names of what is compared and of the limit, for the message
 * @throws {ThresholdError} when `lost` holds anything
 */
export function refuseRegressions(
  lost: readonly Regression[],
  { between, limit }: { readonly between: string; readonly limit: string },
): void {
  if (lost.length === 0) return
  const fallen = lost.flatMap(({ suite, loss }) => (loss === null ? [] : [`${suite} −${loss.toFixed(3)}`]))
  const unknown = lost.flatMap(({ suite, loss }) => (loss === null ? [suite] : []))
  const texts = [
    ...(fallen.length === 0 ? [] : [`more was lost than ${limit} allows: ${fallen.join(', ')}`]),
    ...(unknown.length === 0
      ? []
      : [
          `${unknown.join(', ')} cannot be compared: no question is the same and scored on both sides, so ${limit} is not met`,
        ]),
  ]
  throw new ThresholdError(between + texts.join('; '))
}
