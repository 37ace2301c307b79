/** How many values fall into each of equal bins. */
import { count, short } from '../views/format.ts'
import { niceScale, place } from '../views/scale.ts'
import { below, seriesClass, yAxis, type Area, type Drawing } from './drawing.ts'
import { shape } from './shape.ts'

/** Counts in equal bins between two values. */
export interface Bins {
  readonly from: number
  readonly to: number
  readonly bins: readonly number[]
}

/** @param isMarked the bins that stand out */
export function drawHistogram(
  title: string,
  values: Bins,
  area: Area,
  isMarked: (bin: number) => boolean = () => false,
): Drawing {
  const { from, to, bins } = values
  const scale = niceScale([0, Math.max(1, ...bins)], Math.max(2, Math.round((area.bottom - area.top) / 50)))
  const step = (area.right - area.left) / Math.max(1, bins.length)
  const bars = bins.map((n, bin) => {
    const top = place(n, scale, area.bottom, area.top)
    const box = { x: area.left + step * bin + 1, y: top, width: step - 2, height: area.bottom - top }
    const kind = `dot ${seriesClass(isMarked(bin) ? 1 : 0)}`
    return shape('rect', { class: kind, ...box }, shape('title', {}, `${binName(values, bin)}: ${count(n)}`))
  })
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    return below(area, area.left + share * (area.right - area.left), short(from + share * (to - from)), 'middle')
  })
  return { title, label: inWords(values), area, shapes: [yAxis(area, scale), ...ticks, ...bars], legend: { items: [] } }
}

export function binSize({ from, to, bins }: Bins): number {
  return (to - from) / bins.length
}

export function binName(values: Bins, bin: number): string {
  const size = binSize(values)
  return `${short(values.from + bin * size)} to ${short(values.from + (bin + 1) * size)}`
}

/** The counts of each quarter. */
function inWords({ from, to, bins }: Bins): string {
  const quarters = [0, 1, 2, 3].map((quarter) => {
    const inside = bins.filter((_, bin) => Math.floor(((bin + 0.5) / bins.length) * 4) === quarter)
    const at = (share: number): string => short(from + (share / 4) * (to - from))
    return `${at(quarter)} to ${at(quarter + 1)}: ${count(inside.reduce((sum, n) => sum + n, 0))}`
  })
  return quarters.join('; ')
}
