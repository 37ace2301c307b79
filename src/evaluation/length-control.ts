/**
 * AlpacaEval's length-controlled win rate (Dubois et al. 2024, arXiv 2404.04475, section 3; constants as in alpaca_eval's
 * `length_controlled_v1`): a logistic model of the preference from the length difference, the instruction's difficulty and
 * the model, L1-regularised with a strength chosen by five-fold cross-validation, then asked for equal lengths. Pure.
 */
import type { Estimate } from '../records/index.ts'
import { overClusters } from './cluster-bootstrap.ts'
import { standardDeviation } from './inference.ts'
import { dot, fitLogisticL1, logLoss, sigmoid, type LogisticData } from './regression.ts'
import { mean } from './statistics.ts'

/** One comparison with the baseline. */
export interface LengthRow {
  /** Probability that the answer is better than the baseline's; null where it was not judged. */
  readonly preference: number | null
  /** Characters of the baseline's answer minus characters of the model's. */
  readonly lengthDifference: number
  /** Difficulty of the instruction for the baseline; null where that is not known. */
  readonly difficulty: number | null
}

/** A comparison of the baseline with itself told to be brief or verbose: it pulls the length's effect to what that showed. */
export interface GamedRow {
  readonly preference: number
  /** In standard deviations. */
  readonly lengthDifference: number
  readonly difficulty: number
}

const FOLDS = 5
/** Inverse strengths tried: ten from 10⁻⁴ to 10⁴. */
const STRENGTHS = Array.from({ length: 10 }, (_, i) => 10 ** (-4 + (8 * i) / 9))
/** Weight of a gamed comparison: 0.2 shared by the two gamed baselines. */
const GAMED_WEIGHT = 0.2 / 2
const RESAMPLES = 200

/** Win rate at equal length with a 95 % interval over questions, on 0–1. Null with fewer than five judged rows. */
export function lengthControlled(
  rows: readonly LengthRow[],
  gamed: readonly GamedRow[],
  seed: number | string,
): Estimate | null {
  if (rows.filter(({ preference }) => preference !== null).length < FOLDS) return null
  const strength = chooseStrength(designOf(rows, gamed))
  return overClusters(rows, (chosen) => rateAtEqualLength(chosen, gamed, strength), { resamples: RESAMPLES, seed })
}

function rateAtEqualLength(rows: readonly LengthRow[], gamed: readonly GamedRow[], strength: number): number {
  const data = designOf(rows, gamed)
  if (data.rows.length === 0) return Number.NaN
  const coefficients = fitLogisticL1(data, strength)
  return mean(rows.map(({ difficulty }) => sigmoid(dot([0, difficulty ?? 0, 1], coefficients))))
}

/** Columns: tanh of the length difference in standard deviations, difficulty, 1 for the model's own comparisons. */
function designOf(rows: readonly LengthRow[], gamed: readonly GamedRow[]): Required<LogisticData> {
  const spread = standardDeviation(rows.map(({ lengthDifference }) => lengthDifference))
  const own = rows.flatMap(({ preference, lengthDifference, difficulty }) => {
    const scaled = spread > 0 ? lengthDifference / spread : 0
    return preference === null ? [] : [{ preference, row: [Math.tanh(scaled), difficulty ?? 0, 1], weight: 1 }]
  })
  const others = gamed.map(({ preference, lengthDifference, difficulty }) => ({
    preference,
    row: [Math.tanh(lengthDifference), difficulty, 0],
    weight: GAMED_WEIGHT,
  }))
  const all = [...others, ...own]
  return {
    rows: all.map(({ row }) => row),
    targets: all.map(({ preference }) => preference),
    weights: all.map(({ weight }) => weight),
  }
}

/** The strength with the least mean log loss over five folds; the first of equals. Row i is in fold (n − 1 − i) mod 5. */
function chooseStrength(data: Required<LogisticData>): number {
  const folds = Array.from({ length: FOLDS }, (_, fold) => {
    const held = data.rows.map((_row, i) => (data.rows.length - 1 - i) % FOLDS === fold)
    return { train: keep(data, (i) => held[i] !== true), test: keep(data, (i) => held[i] === true) }
  })
  const losses = STRENGTHS.map((strength) =>
    mean(folds.map(({ train, test }) => logLoss(test, fitLogisticL1(train, strength)))),
  )
  return STRENGTHS[losses.indexOf(Math.min(...losses))] ?? 1
}

function keep({ rows, targets, weights }: Required<LogisticData>, wanted: (i: number) => boolean): LogisticData {
  return {
    rows: rows.filter((_, i) => wanted(i)),
    targets: targets.filter((_, i) => wanted(i)),
    weights: weights?.filter((_, i) => wanted(i)),
  }
}
