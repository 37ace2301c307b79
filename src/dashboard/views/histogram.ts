/** Equal bins over values, from round number to round number. Pure. */
import type { Histogram, Measure, ScoreScale } from './wire.ts'

const binCount = 20
const onScale: readonly Measure[] = ['mean', 'best']

/** Scores over the whole of their scale; other measures from the smallest to the largest value. NaN is no value. */
export function histogramOf(measure: Measure, values: Float64Array, scale: ScoreScale): Histogram {
  let { min: from, max: to } = onScale.includes(measure) ? scale : { min: 0, max: scale.max - Math.max(0, scale.min) }
  for (const value of values) {
    if (value < from) from = Math.floor(value)
    if (value > to || (value === to && !onScale.includes(measure))) to = Math.max(to, niceEnd(value, to))
  }
  const bins = Array.from({ length: binCount }, () => 0)
  for (const value of values) {
    if (Number.isNaN(value)) continue
    const bin = Math.min(binCount - 1, Math.floor(((value - from) / (to - from)) * binCount))
    bins[bin] = (bins[bin] ?? 0) + 1
  }
  return { measure, from, to, bins }
}

/** The least that will do, or the next of 20, 40, …, 100, 200, … at or above a value. */
function niceEnd(value: number, least: number): number {
  if (value <= least) return least
  const step = 10 ** Math.floor(Math.log10(Math.max(10, value)))
  return Math.ceil((value + 1e-9) / step) * step
}
