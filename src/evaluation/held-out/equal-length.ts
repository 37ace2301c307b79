/**
 * The win rate that a policy would have at the other's length: a logistic model of the outcome from the length difference,
 * asked at a difference of 0 (the idea of AlpacaEval's length control, arXiv 2404.04475, without its term for the
 * instruction's difficulty, which one corpus does not give). Pure.
 */
import type { Estimate } from '../../records/index.ts'
import { overClusters } from '../cluster-bootstrap.ts'
import { standardDeviation } from '../inference.ts'
import { fitLogistic, sigmoid } from '../regression.ts'

export interface LengthOutcome {
  /** A win 1, a tie ½, a loss 0. */
  readonly outcome: number
  /** Words more than the other answer. */
  readonly longer: number
}

/** Fewer say nothing about an effect of length. */
const FEWEST = 10
const RESAMPLES = 500

/** With a 95 % interval over questions, which `n` counts. Null for fewer than ten outcomes. */
export function winRateAtEqualLength(outcomes: readonly LengthOutcome[], seed: number | string): Estimate | null {
  if (outcomes.length < FEWEST) return null
  return overClusters(outcomes, rate, { resamples: RESAMPLES, seed: `${seed} equal length` })
}

function rate(outcomes: readonly LengthOutcome[]): number {
  const spread = standardDeviation(outcomes.map(({ longer }) => longer))
  // tanh: beyond a few standard deviations more words make no more difference.
  const rows = outcomes.map(({ longer }) => [1, spread > 0 ? Math.tanh(longer / spread) : 0])
  const [intercept = 0] = fitLogistic({ rows, targets: outcomes.map(({ outcome }) => outcome) })
  return sigmoid(intercept)
}
