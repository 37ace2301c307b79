/**
 * Shares of votes: as they are, with the official interval, and controlled for style. The style-controlled share is the
 * intercept of a logistic regression of the votes on normalised style differences (arena-hard-auto 2.0, `show_result.py`):
 * with one model and one baseline its Bradley–Terry model is that. Pure; every resampling is seeded.
 */
import { rng } from '../../core/rng.ts'
import type { Estimate } from '../../records/index.ts'
import { standardDeviation } from '../inference.ts'
import { dot, fitLogistic, sigmoid } from '../regression.ts'
import { mean, quantile } from '../statistics.ts'
import { overClusters } from '../cluster-bootstrap.ts'

/** All votes on one question, with how the answer's style differs from the baseline's. */
export interface VotedQuestion {
  readonly votes: readonly { readonly vote: number; readonly style: readonly number[] }[]
}

const RESAMPLES = 1000
const STYLE_RESAMPLES = 200
const OFFICIAL_RESAMPLES = 100

/** Share of the votes with a 95 % interval over questions; `n` counts questions. Null for no votes. */
export function voteShare(questions: readonly VotedQuestion[], seed: number | string): Estimate | null {
  const sums = questions.map(({ votes }) => ({
    won: votes.reduce((sum, { vote }) => sum + vote, 0),
    cast: votes.length,
  }))
  const share = (chosen: readonly { won: number; cast: number }[]): number => {
    let [won, cast] = [0, 0]
    for (const one of chosen) {
      won += one.won
      cast += one.cast
    }
    return won / cast
  }
  return overClusters(sums, share, { resamples: RESAMPLES, seed })
}

/** Mean of 100 bootstrap means over single votes and their 5–95 % range, as the official table has them; `n` counts votes. */
export function voteBootstrap(questions: readonly VotedQuestion[], seed: number | string): Estimate | null {
  const votes = questions.flatMap((question) => question.votes.map(({ vote }) => vote))
  if (votes.length === 0) return null
  const random = rng(seed, 'official vote bootstrap')
  const draws = Array.from({ length: OFFICIAL_RESAMPLES }, () =>
    mean(votes.map(() => votes[random.below(votes.length)] ?? 0)),
  ).sort((a, b) => a - b)
  return { mean: mean(draws), low: quantile(draws, 0.05), high: quantile(draws, 0.95), n: votes.length }
}

/** Share of votes at equal style, 95 % interval over questions. Null for no votes. */
export function styleControlled(questions: readonly VotedQuestion[], seed: number | string): Estimate | null {
  return overClusters(questions, shareAtEqualStyle, { resamples: STYLE_RESAMPLES, seed: `${seed} style` })
}

function shareAtEqualStyle(questions: readonly VotedQuestion[]): number {
  const votes = questions.flatMap((question) => question.votes)
  const styles = normalised(votes.map(({ style }) => style))
  const rows = styles.map((style) => [1, ...style])
  const coefficients = fitLogistic({ rows, targets: votes.map(({ vote }) => vote) })
  return sigmoid(dot([1], coefficients))
}

/** Every column to mean 0 and standard deviation 1 (n − 1); a column without spread says nothing and becomes 0. */
function normalised(rows: readonly (readonly number[])[]): number[][] {
  const columns = Array.from({ length: rows[0]?.length ?? 0 }, (_, i) => rows.map((row) => row[i] ?? 0))
  const scales = columns.map((column) => ({ centre: mean(column), spread: standardDeviation(column) }))
  return rows.map((row) =>
    row.map((x, i) => {
      const { centre, spread } = scales[i] ?? { centre: 0, spread: 0 }
      return spread > 1e-12 ? (x - centre) / spread : 0
    }),
  )
}
