/** From numbers to places on a chart, and the round numbers between which an axis runs. Pure. */

export interface Scale {
  readonly min: number
  readonly max: number
  readonly ticks: readonly number[]
}

/** An axis that holds all values: it begins and ends at a round number, with about `count` steps of 1, 2 or 5 × 10ⁿ. */
export function niceScale(values: readonly number[], count = 4): Scale {
  const finite = values.filter(Number.isFinite)
  let low = finite.reduce((least, value) => Math.min(least, value), Infinity)
  let high = finite.reduce((most, value) => Math.max(most, value), -Infinity)
  if (finite.length === 0) [low, high] = [0, 1]
  const size = Math.max(Math.abs(low), Math.abs(high))
  if (high - low <= 1e-9 * size || size < 1e-300) {
    // As good as one value: it stands in the middle.
    const room = size < 1e-300 ? 1 : size / 2
    ;[low, high] = [low - room, high + room]
  }
  const step = niceStep((high - low) / count)
  const first = Math.floor(low / step + 1e-9)
  const last = Math.ceil(high / step - 1e-9)
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => round((first + i) * step))
  return { min: ticks[0] ?? low, max: ticks.at(-1) ?? high, ticks }
}

/** A tick as it is written: exact, so that no two of an axis read alike. */
export function tickText(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return value.toExponential()
  return size >= 1000 ? value.toLocaleString('en-US') : String(value)
}

/** Where a value lies between the ends of a scale, mapped to [from, to]. */
export function place(value: number, scale: Pick<Scale, 'min' | 'max'>, from: number, to: number): number {
  return from + ((value - scale.min) / (scale.max - scale.min)) * (to - from)
}

/** At most `most` points: means of equal runs, so that a long training stays a readable curve and a small file. */
export function thin(values: readonly number[], most: number): number[] {
  if (values.length <= most) return [...values]
  return Array.from({ length: most }, (_, i) => {
    const run = values.slice(Math.floor((i * values.length) / most), Math.floor(((i + 1) * values.length) / most))
    return run.reduce((sum, value) => sum + value, 0) / run.length
  })
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 5].find((candidate) => candidate * power >= rough * (1 - 1e-9)) ?? 10
  return factor * power
}

/** Takes the noise of binary fractions off a tick. */
function round(value: number): number {
  return Number(value.toPrecision(12))
}
