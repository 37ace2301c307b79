/**
 * Intervals and rank statistics. Pure; every resampling is seeded.
 * Knows nothing of models or suites.
 */
import { rng } from '../core/rng.ts'
import type { Estimate } from '../records/index.ts'

export { rankCorrelation, ranks } from '../core/rank-correlation.ts'

const RESAMPLES = 2000

export function mean(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length
}

/**
 * Mean with a percentile-bootstrap interval over the values (Efron & Tibshirani 1993, ch. 13), 95 % unless `error`, the share
 * outside of it, says otherwise. NaN for no values.
 */
export function bootstrapMean(values: readonly number[], seed: number | string, error = 0.05): Estimate {
  const point = mean(values)
  if (values.length < 2) return { mean: point, low: point, high: point, n: values.length }
  const random = rng(seed, 'bootstrap')
  const means = Array.from({ length: RESAMPLES }, () => {
    let sum = 0
    for (let i = 0; i < values.length; i++) sum += values[random.below(values.length)] ?? 0
    return sum / values.length
  }).sort((a, b) => a - b)
  return { mean: point, low: quantile(means, error / 2), high: quantile(means, 1 - error / 2), n: values.length }
}

/** Two-sided 95 % quantiles of Student's t for 1, 2, … degrees of freedom. */
const STUDENT_95 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]
const NORMAL_95 = 1.959964

/**
 * Mean with the 95 % t-interval of the mean (n − 1 degrees of freedom): for few runs, where a bootstrap says too little. One
 * value has no interval: both ends are the value. Null for none.
 */
export function studentInterval(values: readonly number[]): Estimate | null {
  const n = values.length
  if (n === 0) return null
  const point = mean(values)
  if (n === 1) return { mean: point, low: point, high: point, n }
  const variance = values.reduce((sum, value) => sum + (value - point) ** 2, 0) / (n - 1)
  const half = student95(n - 1) * Math.sqrt(variance / n)
  return { mean: point, low: point - half, high: point + half, n }
}

/** Beyond the table: the Cornish–Fisher expansion about the normal quantile (Abramowitz & Stegun 26.7.5), exact to 1e-3. */
function student95(degrees: number): number {
  const tabled = STUDENT_95[degrees - 1]
  if (tabled !== undefined) return tabled
  const z = NORMAL_95
  return z + (z ** 3 + z) / (4 * degrees) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2)
}

/** `null` where a statistic of nothing was asked for: a number that does not exist is not 0. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

/** Linear-interpolated quantile of a sorted list. */
export function quantile(sorted: readonly number[], q: number): number {
  const position = (sorted.length - 1) * q
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position - Math.floor(position))
}

/**
 * Of all pairs within a group on which the truth has an order, the share that the judge puts in the same order;
 * a tie by the judge counts one half. `n` is the number of such pairs.
 */
export function pairAccuracy(groups: readonly { truth: readonly number[]; judged: readonly number[] }[]): {
  accuracy: number
  n: number
} {
  let [right, n] = [0, 0]
  for (const { truth, judged } of groups) {
    for (let i = 0; i < truth.length; i++) {
      for (let j = i + 1; j < truth.length; j++) {
        const order = Math.sign((truth[i] ?? 0) - (truth[j] ?? 0))
        if (order === 0) continue
        n++
        right += (Math.sign((judged[i] ?? 0) - (judged[j] ?? 0)) * order + 1) / 2
      }
    }
  }
  return { accuracy: n === 0 ? Number.NaN : right / n, n }
}
