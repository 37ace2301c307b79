/** Layers on top of each other over time, and what they are together. */
import { short } from '../views/format.ts'
import { niceScale, place } from '../views/scale.ts'
import { below, seriesClass, swatch, yAxis, type Area, type Chart, type Series } from './drawing.ts'
import { shape, through, type Point, type Shape } from './shape.ts'

export interface Stack {
  readonly title: string
  readonly layers: readonly Series[]
  /** What stands under the beginning and the end. */
  readonly ends: readonly [string, string]
  /** The width of a bin, milliseconds. */
  readonly binMs: number
  readonly unit: string
  /** Hatches the bins in which nothing was at work. */
  readonly markIdle?: boolean
}

export function drawStack({ title, layers, ends, binMs, unit, markIdle = false }: Stack, area: Area): Chart {
  const bins = layers[0]?.values.length ?? 0
  const sums = Array.from({ length: bins }, (_, i) => layers.reduce((sum, { values }) => sum + (values[i] ?? 0), 0))
  const scale = niceScale([0, ...sums])
  const highest = Math.max(0, ...sums)
  const idle = sums.filter((sum) => sum < highest / 100).length / Math.max(1, bins)
  const x = (i: number): number => place(i, { min: 0, max: Math.max(1, bins) }, area.left, area.right)
  const y = (value: number): number => place(value, scale, area.bottom, area.top)
  const gaps = markIdle ? idleSpans(sums).map(([start, end]) => drawIdle(area, x(start), x(end))) : []
  return {
    title,
    label: `At most ${short(highest)} ${unit}; ${Math.round(100 * idle)} % of the time hardly any`,
    area,
    shapes: [
      yAxis(area, scale),
      ...gaps,
      ...drawLayers(layers, bins, x, y),
      below(area, area.left, ends[0], 'start'),
      below(area, area.right, ends[1], 'end'),
    ],
    legend: { items: layers.map(({ name }, which) => ({ name, key: swatch(which) })) },
    table: () => ({
      header: ['second', ...layers.map(({ name }) => name)],
      rows: sums.map((_, i) => [(i * binMs) / 1000, ...layers.map(({ values }) => values[i] ?? 0)]),
    }),
  }
}

/** Each layer between the sum of those below it and that sum with itself; edges are stairs: a bin is a mean over its whole width. */
function drawLayers(
  layers: readonly Series[],
  bins: number,
  x: (i: number) => number,
  y: (value: number) => number,
): Shape[] {
  const stair = (edge: readonly number[]): Point[] =>
    edge.flatMap((value, i): Point[] => [
      [x(i), y(value)],
      [x(i + 1), y(value)],
    ])
  let base = Array.from({ length: bins }, () => 0)
  return layers.map(({ values }, which) => {
    const under = base
    base = under.map((value, i) => value + (values[i] ?? 0))
    const points = through([...stair(base), ...stair(under).reverse()])
    return shape('polygon', { class: `area ${seriesClass(which)}`, points })
  })
}

/** Runs of bins with nothing in them: [first, behind the last). */
function idleSpans(sums: readonly number[]): [number, number][] {
  const spans: [number, number][] = []
  for (const [i, sum] of sums.entries()) {
    if (sum >= 0.05) continue
    const last = spans.at(-1)
    if (last?.[1] === i) last[1] = i + 1
    else spans.push([i, i + 1])
  }
  return spans
}

/** Slanted lines: a gap in a chart could as well be missing data. */
function drawIdle({ top, bottom }: Area, left: number, right: number): Shape {
  const step = 6
  const rise = bottom - top
  const lines = Array.from({ length: Math.max(0, Math.ceil((right - left + rise) / step)) }, (_, i) => {
    // From the lower edge up to the right, cut where the span begins and ends.
    const foot = left - rise + i * step
    const from = Math.max(left, foot)
    const to = Math.min(right, foot + rise)
    const at = (x: number): string => `${x.toFixed(1)} ${(bottom - (x - foot)).toFixed(1)}`
    return from >= to ? '' : `M${at(from)}L${at(to)}`
  })
  return shape('path', { class: 'idle', d: lines.join('') })
}
