/** From a rubric and a judge's ratings to one number, or to the reason why there is none. Knows no model and no file. */
import type { Evaluation, Rubric, Score } from '../records/index.ts'
import { makeInert } from './prompt/inert.ts'

/** Scale of one criterion: 0 not at all, 1 partly, 2 fully. */
const LOWEST_RATING = 0
const HIGHEST_RATING = 2

export interface ScoringRules {
  /**
   * A criterion of the rubric that the judge did not rate: `zero` counts it 0 (the published behaviour), `unscored` gives
   * the answer no score, because a judge's omission says nothing about the answer.
   */
  readonly missingCriterion: 'unscored' | 'zero'
}

/**
 * Pointwise score (arXiv 2604.20051): Σ weight × clamp(rating, 0, 2) over the rated criteria ÷ Σ weight over all of them.
 *
 * Names are matched trimmed and case-folded; of a name rated twice the last rating counts; a rated name that the rubric lacks
 * is ignored. The score lies in 0–2 when no weight is negative. A single negative weight makes its criterion a penalty: the
 * formula stays, the score may leave 0–2, and candidates of one question remain comparable because they share the denominator.
 * A total of zero or less would divide by nothing or turn the order round: `zeroWeight`.
 */
export function scoreEvaluation(rubric: Rubric, evaluation: Evaluation, rules: ScoringRules): Score {
  if (rubric.length === 0) return { status: 'unscored', reason: 'noRubric' }
  const ratings = new Map(evaluation.map(({ name, rating }) => [foldName(name), rating]))
  let total = 0
  let earned = 0
  let missing = false
  for (const { name, weight } of rubric) {
    const rating = ratings.get(foldName(name))
    total += weight
    if (rating === undefined) missing = true
    else earned += weight * clamp(rating)
  }
  if (missing && rules.missingCriterion === 'unscored') return { status: 'unscored', reason: 'missingCriterion' }
  if (!Number.isFinite(total) || !Number.isFinite(earned)) return { status: 'unscored', reason: 'badNumber' }
  return total <= 0 ? { status: 'unscored', reason: 'zeroWeight' } : { status: 'scored', value: earned / total }
}

/** NaN passes through, so that it can never become a rating. */
function clamp(rating: number): number {
  return Math.min(HIGHEST_RATING, Math.max(LOWEST_RATING, rating))
}

/**
 * Trimmed, and case-folded as far as comparing needs it: by way of capitals `ß` is `ss` and the two small sigmas are one.
 * Inert markup is folded too, because the judge was shown the names that way.
 */
function foldName(name: string): string {
  return makeInert(name).trim().toLowerCase().toUpperCase()
}
