/** Points of two measures. */
import type { VNode } from 'preact'
import { short } from '../../views/format.ts'
import { niceScale, place } from '../../views/scale.ts'
import { box, Figure, height, YAxis } from './figure.tsx'

interface Axis {
  readonly name: string
  readonly values: readonly (number | null)[]
  readonly max?: number
}

export function ScatterChart({
  title,
  x,
  y,
  names,
  marks,
}: {
  title: string
  x: Axis
  y: Axis
  names: readonly string[]
  marks: readonly string[]
}): VNode {
  const points = names.flatMap((name, i) => {
    const [across, up] = [x.values[i], y.values[i]]
    return across == null || up == null ? [] : [{ name, across, up, mark: marks[i] ?? '' }]
  })
  const xScale = niceScale([0, ...points.map(({ across }) => across)])
  const yScale = niceScale([0, y.max ?? 0, ...points.map(({ up }) => up)])
  return (
    <Figure
      title={title}
      label={`${points.length} points, ${x.name} ${short(Math.min(...points.map(({ across }) => across)))} to ${short(Math.max(...points.map(({ across }) => across)))}`}
      legend={<p class="legend">{`across: ${x.name}, up: ${y.name}`}</p>}
      table={{ header: ['name', x.name, y.name], rows: points.map(({ name, across, up }) => [name, across, up]) }}
    >
      <YAxis scale={yScale} />
      {xScale.ticks.map((tick) => (
        <text key={tick} class="tick" x={place(tick, xScale, box.left, box.right)} y={height - 8} text-anchor="middle">
          {short(tick)}
        </text>
      ))}
      {points.map(({ name, across, up, mark }) => (
        <circle
          key={name}
          class={`point ${mark}`}
          cx={place(across, xScale, box.left, box.right)}
          cy={place(up, yScale, box.bottom, box.top)}
          r={mark === '' ? 4 : 6}
        >
          <title>{`${name}: ${short(across)} ${x.name}, ${y.name} ${short(up)}`}</title>
        </circle>
      ))}
    </Figure>
  )
}
