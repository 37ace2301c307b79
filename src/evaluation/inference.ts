/**
 * Inference about scores: intervals, paired tests, the smallest difference that a suite can show, several seeds pooled.
 * Pure; every resampling is seeded. Knows nothing of models or suites.
 */
import { rng } from '../core/rng.ts'
import type { Estimate } from '../records/index.ts'
import { bootstrapMean, mean, quantile } from './statistics.ts'

/** Two-sided 95 %. */
const Z_CONFIDENCE = 1.959964
/** Power of 80 %. */
const Z_POWER = 0.841621
const RESAMPLES = 2000
const PERMUTATIONS = 10_000
/** Up to here all sign patterns are counted out (2^16). */
const EXACT_LIMIT = 16

/**
 * Mean with a 95 % interval: Wilson's (1927) where every value is 0 or 1, because the bootstrap of "all right" has no
 * width; otherwise the percentile bootstrap. Null for no values.
 */
export function estimateScores(values: readonly number[], seed: number | string): Estimate | null {
  if (values.length === 0) return null
  return values.every((value) => value === 0 || value === 1) ? wilson(values) : bootstrapMean(values, seed)
}

function wilson(values: readonly number[]): Estimate {
  const n = values.length
  const p = mean(values)
  const z2 = Z_CONFIDENCE ** 2
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n)
  const half = (Z_CONFIDENCE / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n))
  return { mean: p, low: Math.max(0, centre - half), high: Math.min(1, centre + half), n }
}

/** Standard deviation with n − 1; NaN for fewer than two values. */
export function standardDeviation(values: readonly number[]): number {
  if (values.length < 2) return Number.NaN
  const centre = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1))
}

/**
 * Smallest true mean difference that a paired comparison over `n` questions finds with power 80 % at two-sided 5 %:
 * (1.96 + 0.84)·σ/√n, σ the standard deviation of the per-question differences. Null below two questions, and where all are
 * equal: then σ is not known, and not 0.
 */
export function detectableFromDifferences(differences: readonly number[]): number | null {
  const sd = standardDeviation(differences)
  return sd > 0 ? ((Z_CONFIDENCE + Z_POWER) * sd) / Math.sqrt(differences.length) : null
}

/**
 * The same before there is a second policy: σ of a difference from the spread of one policy's scores, assuming that two
 * policies' scores on the same question correlate with 0.5 (then σ² of the difference equals σ² of the scores).
 */
export function detectableFromScores(scores: readonly number[]): number | null {
  return detectableFromDifferences(scores)
}

export interface PairedTest {
  readonly test: 'exact McNemar' | 'exact sign flip' | 'sign flip, 10,000 draws'
  /** Two-sided. */
  readonly p: number
}

/**
 * Two-sided test of "no difference" on paired scores. All scores 0 or 1: the exact McNemar test (binomial over the
 * questions on which the two differ). Otherwise Fisher's sign-flip permutation test of the mean difference, counted out
 * up to 16 questions that differ, drawn beyond ((hits + 1)/(draws + 1), Phipson & Smyth 2010). Null for no pairs.
 */
export function pairedTest(
  before: readonly number[],
  after: readonly number[],
  seed: number | string,
): PairedTest | null {
  if (before.length !== after.length) throw new RangeError('pairedTest: the lists differ in length')
  if (before.length === 0) return null
  const differences = after.map((value, i) => value - (before[i] ?? 0))
  if ([...before, ...after].every((value) => value === 0 || value === 1)) {
    const gains = differences.filter((value) => value > 0).length
    const losses = differences.filter((value) => value < 0).length
    return { test: 'exact McNemar', p: binomialTwoSided(Math.min(gains, losses), gains + losses) }
  }
  const nonZero = differences.filter((value) => value !== 0)
  return nonZero.length <= EXACT_LIMIT
    ? { test: 'exact sign flip', p: exactSignFlip(nonZero) }
    : { test: 'sign flip, 10,000 draws', p: drawnSignFlip(nonZero, seed) }
}

/** P(at most k or at least n − k successes) of n fair coins, at most 1. */
function binomialTwoSided(k: number, n: number): number {
  if (n === 0) return 1
  let logTerm = -n * Math.LN2
  let tail = Math.exp(logTerm)
  for (let i = 1; i <= k; i++) {
    logTerm += Math.log((n - i + 1) / i)
    tail += Math.exp(logTerm)
  }
  return Math.min(1, 2 * tail)
}

function exactSignFlip(values: readonly number[]): number {
  const observed = Math.abs(sum(values))
  const patterns = 2 ** values.length
  let hits = 0
  for (let pattern = 0; pattern < patterns; pattern++) {
    let flipped = 0
    for (let i = 0; i < values.length; i++) flipped += ((pattern >> i) & 1) === 0 ? (values[i] ?? 0) : -(values[i] ?? 0)
    if (Math.abs(flipped) >= observed - 1e-12) hits++
  }
  return hits / patterns
}

function drawnSignFlip(values: readonly number[], seed: number | string): number {
  const random = rng(seed, 'sign flip')
  const observed = Math.abs(sum(values))
  let hits = 0
  for (let draw = 0; draw < PERMUTATIONS; draw++) {
    let flipped = 0
    for (const value of values) flipped += random.uniform() < 0.5 ? value : -value
    if (Math.abs(flipped) >= observed - 1e-12) hits++
  }
  return (hits + 1) / (PERMUTATIONS + 1)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/**
 * Mean difference between two policies that were trained several times. `before[s][q]` and `after[s][q]` are scores of
 * run s on question q; all runs answer the same questions. Runs of one side are not independent on a question, so the
 * interval resamples questions and, within each draw, the runs of each side (two-way bootstrap; Owen 2007 calls it the
 * product-reweighted one). With one run per side this is the paired bootstrap over questions. A resample of k runs varies too
 * little by (k − 1)/k, which for three seeds is a third, so its distance from the mean of all runs is stretched by √(k/(k − 1)).
 */
export function pooledDifference(
  before: readonly (readonly number[])[],
  after: readonly (readonly number[])[],
  seed: number | string,
): Estimate | null {
  const questions = before[0]?.length ?? 0
  if (questions === 0 || after.length === 0) return null
  if ([...before, ...after].some((run) => run.length !== questions)) {
    throw new RangeError('pooledDifference: the runs answer different numbers of questions')
  }
  const centre = mean(after.map(mean)) - mean(before.map(mean))
  if (questions < 2) return { mean: centre, low: centre, high: centre, n: questions }
  const random = rng(seed, 'two-way bootstrap')
  const draws = Array.from({ length: RESAMPLES }, () => {
    const chosen = Array.from({ length: questions }, () => random.below(questions))
    const side = (runs: readonly (readonly number[])[]): number => {
      const means = runs.map((run) => meanAt(run, chosen))
      if (runs.length < 2) return mean(means)
      const drawn = mean(runs.map(() => random.pick(means)))
      return mean(means) + (drawn - mean(means)) * Math.sqrt(runs.length / (runs.length - 1))
    }
    return side(after) - side(before)
  }).sort((a, b) => a - b)
  return { mean: centre, low: quantile(draws, 0.025), high: quantile(draws, 0.975), n: questions }
}

function meanAt(values: readonly number[], places: readonly number[]): number {
  let total = 0
  for (const place of places) total += values[place] ?? 0
  return total / places.length
}
