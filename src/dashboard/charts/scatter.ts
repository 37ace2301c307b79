/** Points of two measures. */
import { short } from '../views/format.ts'
import { niceScale, place } from '../views/scale.ts'
import { below, yAxis, type Area, type Chart } from './drawing.ts'
import { shape } from './shape.ts'

interface Axis {
  readonly name: string
  readonly values: readonly (number | null)[]
  readonly max?: number
}

export interface Scatter {
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly names: readonly string[]
  /** What stands out, one entry per name. */
  readonly marks: readonly ('good' | 'bad' | '')[]
}

export function drawScatter({ title, x, y, names, marks }: Scatter, area: Area): Chart {
  const points = names.flatMap((name, i) => {
    const [across, up] = [x.values[i], y.values[i]]
    return across == null || up == null ? [] : [{ name, across, up, mark: marks[i] ?? '' }]
  })
  const widths = points.map(({ across }) => across)
  const xScale = niceScale([0, ...widths])
  const yScale = niceScale([0, y.max ?? 0, ...points.map(({ up }) => up)])
  const xOf = (value: number): number => place(value, xScale, area.left, area.right)
  const dots = points.map(({ name, across, up, mark }) => {
    const at = { cx: xOf(across), cy: place(up, yScale, area.bottom, area.top), r: mark === '' ? 4 : 6 }
    const said = `${name}: ${short(across)} ${x.name}, ${y.name} ${short(up)}`
    return shape('circle', { class: `point ${mark}`, ...at }, shape('title', {}, said))
  })
  return {
    title,
    label: `${points.length} points, ${x.name} ${short(Math.min(...widths))} to ${short(Math.max(...widths))}`,
    area,
    shapes: [
      yAxis(area, yScale),
      ...xScale.ticks.map((tick) => below(area, xOf(tick), short(tick), 'middle')),
      ...dots,
    ],
    legend: { note: `across: ${x.name}, up: ${y.name}`, items: [] },
    table: () => ({
      header: ['name', x.name, y.name],
      rows: points.map(({ name, across, up }) => [name, across, up]),
    }),
  }
}
