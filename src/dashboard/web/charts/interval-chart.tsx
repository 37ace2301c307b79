/** Means with their 95 % intervals, one column per policy. */
import type { VNode } from 'preact'
import { short } from '../../views/format.ts'
import { niceScale, place } from '../../views/scale.ts'
import type { Table } from '../../views/table.ts'
import { box, Figure, height, Legend, YAxis } from './figure.tsx'

export interface IntervalPoint {
  readonly mean: number
  readonly low: number
  readonly high: number
}

export interface IntervalSeries {
  readonly name: string
  /** One entry per column; null where nothing was measured. */
  readonly values: readonly (IntervalPoint | null)[]
}

interface Props {
  readonly title: string
  readonly columns: readonly string[]
  readonly series: readonly IntervalSeries[]
}

export function IntervalChart({ title, columns, series }: Props): VNode {
  const all = series.flatMap(({ values }) => values.flatMap((value) => value ?? []))
  const scale = niceScale([0, Math.max(0.5, ...all.map(({ high }) => high))])
  const step = (box.right - box.left) / Math.max(1, columns.length)
  const center = (column: number): number => box.left + step * (column + 0.5)
  const x = (column: number, which: number): number =>
    center(column) + (which - (series.length - 1) / 2) * Math.min(18, step / (series.length + 1))
  const y = (value: number): number => place(value, scale, box.bottom, box.top)
  return (
    <Figure
      title={title}
      label={describe(columns, series)}
      table={tableOf(columns, series)}
      legend={<Legend names={series.map(({ name }) => name)} />}
    >
      <YAxis scale={scale} />
      {columns.map((name, column) => (
        <text key={name} class="tick" x={center(column)} y={height - 8} text-anchor="middle">
          {name}
        </text>
      ))}
      {series.map((one, which) => (
        <Marks key={one.name} series={one} which={which} x={(column) => x(column, which)} y={y} />
      ))}
    </Figure>
  )
}

function Marks({
  series: { name, values },
  which,
  x,
  y,
}: {
  series: IntervalSeries
  which: number
  x: (column: number) => number
  y: (value: number) => number
}): VNode {
  const points = values.flatMap((value, column) => (value === null ? [] : [{ ...value, at: x(column) }]))
  return (
    <g class={`k${which}`}>
      <polyline
        class="link line"
        points={points.map(({ at, mean }) => `${at.toFixed(1)},${y(mean).toFixed(1)}`).join(' ')}
      />
      {points.map(({ at, mean, low, high }) => (
        <g key={at}>
          <title>{`${name}: ${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`}</title>
          <line class="whisker" x1={at} x2={at} y1={y(low)} y2={y(high)} />
          <circle class="dot" cx={at} cy={y(mean)} r={4} />
          <text class="value" x={at + 6} y={y(mean) - 5}>
            {mean.toFixed(2)}
          </text>
        </g>
      ))}
    </g>
  )
}

function describe(columns: readonly string[], series: readonly IntervalSeries[]): string {
  const said = series.map(({ name, values }) => {
    return `${name}: ${values.map((value, i) => `${columns[i] ?? ''} ${short(value?.mean)}`).join(', ')}`
  })
  return said.join('; ')
}

function tableOf(columns: readonly string[], series: readonly IntervalSeries[]): Table {
  return {
    header: ['series', 'column', 'mean', 'low', 'high'],
    rows: series.flatMap(({ name, values }) =>
      values.map((value, i) => [name, columns[i] ?? '', value?.mean ?? null, value?.low ?? null, value?.high ?? null]),
    ),
  }
}
