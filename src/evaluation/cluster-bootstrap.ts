/** Intervals of a statistic over clusters: what belongs together (the votes on one question) is drawn together. Pure. */
import { rng } from '../core/rng.ts'
import type { Estimate } from '../records/index.ts'
import { quantile } from './statistics.ts'

/**
 * The statistic of all clusters with its 95 % percentile interval over resampled clusters; `n` counts clusters. Null for
 * none, and no width for one.
 */
export function overClusters<T>(
  clusters: readonly T[],
  statistic: (chosen: readonly T[]) => number,
  { resamples, seed }: { readonly resamples: number; readonly seed: number | string },
): Estimate | null {
  const n = clusters.length
  if (n === 0) return null
  const centre = statistic(clusters)
  if (n < 2) return { mean: centre, low: centre, high: centre, n }
  const random = rng(seed, 'cluster bootstrap')
  const draws = Array.from({ length: resamples }, () => statistic(clusters.map(() => random.pick(clusters))))
    .filter((value) => Number.isFinite(value))
    .sort((a, b) => a - b)
  return { mean: centre, low: quantile(draws, 0.025), high: quantile(draws, 0.975), n }
}
