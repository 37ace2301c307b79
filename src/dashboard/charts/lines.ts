/** Values over steps, in parts where something new begins. */
import { short } from '../views/format.ts'
import { niceScale, place, thin } from '../views/scale.ts'
import { below, seriesClass, swatch, upright, yAxis, type Area, type Chart, type Series } from './drawing.ts'
import { shape, through, type Point, type Shape } from './shape.ts'

/** Where a new part begins, from 0, and its name: the jump from one round to the next is no training. */
export interface Break {
  readonly at: number
  readonly name: string
}

export interface Lines {
  readonly title: string
  readonly lines: readonly Series[]
  readonly breaks?: readonly Break[]
  readonly unit?: string
  /** What is counted across, from 1. */
  readonly across?: string
  /** The axis begins at 0: where a small change must not look like a large one. */
  readonly fromZero?: boolean
}

const mostPoints = 400
const inOnePart: readonly Break[] = [{ at: 0, name: '' }]

export function stepsOf({ lines }: Pick<Lines, 'lines'>): number {
  return Math.max(0, ...lines.map(({ values }) => values.length))
}

/** @param at the step whose values the legend tells, from 0, with a line through it; without it the last one's */
export function drawLines(chart: Lines, area: Area, at: number | null = null): Chart {
  const { title, lines, breaks = inOnePart, unit, across = 'step', fromZero = false } = chart
  const total = stepsOf(chart)
  const scale = niceScale([...(fromZero ? [0] : []), ...lines.flatMap(({ values }) => values)])
  const x = (i: number): number => place(i, { min: 0, max: Math.max(1, total - 1) }, area.left + 4, area.right)
  const y = (value: number): number => place(value, scale, area.bottom, area.top)
  const foot = [unit ?? [], total > 1 ? `${across} 1 to ${total}` : `${across} ${total}`].flat().join(', ')
  const curves = lines.map(({ values }, which) => {
    const parts = breaks.map((part, i) => {
      return drawPart(pointsOf(values, part.at, breaks[i + 1]?.at ?? values.length, breaks.length, x, y))
    })
    return shape('g', { class: seriesClass(which) }, ...parts.flat())
  })
  const shown = at ?? total - 1
  return {
    title,
    label: `${lines.map(inWords).join('; ')}; ${foot}`,
    area,
    shapes: [
      yAxis(area, scale),
      ...drawBreaks(breaks, area, x),
      below(area, area.right, foot, 'end'),
      ...curves,
      ...(at === null ? [] : [upright(area, 'cursor', x(at))]),
    ],
    legend: {
      note: `${across} ${shown + 1}`,
      items: lines.map(({ name, values }, which) => ({ name, value: short(values[shown]), key: swatch(which) })),
    },
    table: () => ({
      header: [across, ...lines.map(({ name }) => name)],
      rows: Array.from({ length: total }, (_, i) => [i + 1, ...lines.map(({ values }) => values[i] ?? null)]),
    }),
  }
}

/** A line where each part begins, its name above and within the drawing; a name that would run into the one before it is left out. */
function drawBreaks(breaks: readonly Break[], area: Area, x: (i: number) => number): Shape[] {
  let free = 0
  return breaks.flatMap(({ at, name }) => {
    const left = x(at)
    const line = at > 0 ? [upright(area, 'break', left)] : []
    const width = 7 * name.length
    const isCut = left + width > area.width
    const start = isCut ? area.width - width : left
    if (name === '' || start < free) return line
    free = start + width
    const spot = isCut ? { x: area.width, 'text-anchor': 'end' } : { x: left }
    return [...line, shape('text', { ...spot, y: area.top - 5 }, name)]
  })
}

/** One part of a line, thinned to what can be seen. */
function pointsOf(
  values: readonly number[],
  start: number,
  end: number,
  parts: number,
  x: (i: number) => number,
  y: (value: number) => number,
): Point[] {
  const run = values.slice(start, end)
  const means = thin(run, Math.max(2, Math.floor(mostPoints / parts)))
  return means.flatMap((value, k): Point[] => {
    const i = start + ((k + 0.5) * run.length) / means.length - 0.5
    return Number.isFinite(value) ? [[x(i), y(value)]] : []
  })
}

function drawPart(points: readonly Point[]): Shape[] {
  const [only] = points
  if (only === undefined) return []
  if (points.length === 1) return [shape('circle', { class: 'dot', cx: only[0], cy: only[1], r: 3 })]
  return [shape('polyline', { class: 'line', points: through(points) })]
}

function inWords({ name, values }: Series): string {
  return `${name} from ${short(values[0])} to ${short(values.at(-1))}`
}
