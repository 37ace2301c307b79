/** Means with their 95 % intervals, one column per policy. */
import { interval } from '../views/format.ts'
import { niceScale, place } from '../views/scale.ts'
import type { Table } from '../views/table.ts'
import { below, marker, seriesClass, yAxis, keySize, type Area, type Chart } from './drawing.ts'
import { shape, through, type Shape } from './shape.ts'

export interface IntervalSeries {
  readonly name: string
  /** One entry per column; null where nothing was measured. */
  readonly values: readonly ({ readonly mean: number; readonly low: number; readonly high: number } | null)[]
}

export interface Intervals {
  readonly title: string
  readonly columns: readonly string[]
  readonly series: readonly IntervalSeries[]
}

/** What a name or a number under or beside a column needs. */
const textWidth = 54

export function drawIntervals({ title, columns, series }: Intervals, area: Area): Chart {
  const measured = series.flatMap(({ values }) => values.flatMap((value) => value ?? []))
  const scale = niceScale([0, 0.5, ...measured.flatMap(({ low, high }) => [low, high])])
  const step = (area.right - area.left) / Math.max(1, columns.length)
  const center = (column: number): number => area.left + step * (column + 0.5)
  const apart = Math.min(18, step / (series.length + 1))
  const every = Math.ceil(textWidth / step)
  const names = columns.map((name, i) => (i % every === 0 ? [below(area, center(i), name, 'middle')] : []))
  const marks = series.map((one, which) => {
    const x = (column: number): number => center(column) + (which - (series.length - 1) / 2) * apart
    const y = (value: number): number => place(value, scale, area.bottom, area.top)
    // Numbers stand outside of the marks of a column, as far as they can.
    const side = which < (series.length - 1) / 2 ? 'end' : 'start'
    return drawSeries(one, which, x, y, every === 1 ? side : null)
  })
  return {
    title,
    label: series.map((one) => inWords(one, columns)).join('; '),
    area,
    shapes: [yAxis(area, scale), ...names.flat(), ...marks],
    legend: {
      items: series.map(({ name }, which) => ({
        name,
        key: shape('g', { class: seriesClass(which) }, marker(which, keySize / 2, keySize / 2)),
      })),
    },
    table: () => tableOf(columns, series),
  }
}

function drawSeries(
  { name, values }: IntervalSeries,
  which: number,
  x: (column: number) => number,
  y: (value: number) => number,
  numbers: 'start' | 'end' | null,
): Shape {
  const points = values.flatMap((value, column) => (value === null ? [] : [{ value, at: x(column) }]))
  const link = through(points.map(({ value, at }) => [at, y(value.mean)]))
  const marks = points.map(({ value, at }) =>
    shape(
      'g',
      {},
      shape('title', {}, `${name}: ${interval(value)}`),
      whisker(at, y(value.low), y(value.high)),
      marker(which, at, y(value.mean)),
      ...(numbers === null ? [] : [drawNumber(value.mean, at, y(value.mean), numbers)]),
    ),
  )
  return shape('g', { class: seriesClass(which) }, shape('polyline', { class: 'link', points: link }), ...marks)
}

function drawNumber(mean: number, x: number, y: number, side: 'start' | 'end'): Shape {
  const beside = side === 'start' ? x + 7 : x - 7
  return shape('text', { class: 'value', x: beside, y: y - 5, 'text-anchor': side }, mean.toFixed(2))
}

/** A stroke from low to high with a cap at each end. */
function whisker(x: number, low: number, high: number): Shape {
  const [left, right] = [x - 4, x + 4]
  const points = through([
    [left, low],
    [right, low],
    [x, low],
    [x, high],
    [left, high],
    [right, high],
  ])
  return shape('polyline', { class: 'whisker', points })
}

function inWords({ name, values }: IntervalSeries, columns: readonly string[]): string {
  return `${name}: ${values.map((value, i) => `${columns[i] ?? ''} ${interval(value)}`).join(', ')}`
}

function tableOf(columns: readonly string[], series: readonly IntervalSeries[]): Table {
  return {
    header: ['series', 'column', 'mean', 'low', 'high'],
    rows: series.flatMap(({ name, values }) =>
      values.map((value, i) => [name, columns[i] ?? '', value?.mean ?? null, value?.low ?? null, value?.high ?? null]),
    ),
  }
}
