/** Values over steps, with what they are under the pointer. */
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { short } from '../../views/format.ts'
import { niceScale, place, thin } from '../../views/scale.ts'
import { box, Figure, height, Legend, YAxis, type Series } from './figure.tsx'

const mostPoints = 600

/** Where a new part begins, from 0, and its name: the jump from one round to the next is no training. */
export interface Break {
  readonly at: number
  readonly name: string
}

interface Props {
  readonly title: string
  readonly lines: readonly Series[]
  readonly breaks: readonly Break[]
  readonly unit?: string
  readonly across?: string
  /** The axis begins at 0: where a small change must not look like a large one. */
  readonly fromZero?: boolean
}

export function LineChart({ title, lines, breaks, unit, across = 'step', fromZero = false }: Props): VNode {
  const [at, setAt] = useState<number | null>(null)
  const total = Math.max(0, ...lines.map(({ values }) => values.length))
  const scale = niceScale([...(fromZero ? [0] : []), ...lines.flatMap(({ values }) => values)])
  const x = (i: number): number => place(i, { min: 0, max: Math.max(1, total - 1) }, box.left + 4, box.right)
  const y = (value: number): number => place(value, scale, box.bottom, box.top)
  const shown = at ?? total - 1
  const move = (event: PointerEvent): void => {
    const area = (event.currentTarget as SVGElement).getBoundingClientRect()
    const position = ((event.clientX - area.left) / area.width) * (total - 1)
    setAt(Math.max(0, Math.min(total - 1, Math.round(position))))
  }
  return (
    <Figure
      title={title}
      label={describe(lines, `${total} ${across}s`, unit)}
      table={{
        header: [across, ...lines.map(({ name }) => name)],
        rows: Array.from({ length: total }, (_, i) => [i + 1, ...lines.map(({ values }) => values[i] ?? null)]),
      }}
      legend={
        <Legend
          names={lines.map(({ name }) => name)}
          values={lines.map(({ values }) => values[shown])}
          at={`${across} ${shown + 1}`}
        />
      }
    >
      <YAxis scale={scale} {...(unit === undefined ? {} : { unit })} />
      <Breaks breaks={breaks} x={x} />
      {lines.map(({ name, values }, which) => (
        <g key={name}>
          {breaks.map((part, i) => {
            const end = breaks[i + 1]?.at ?? values.length
            return <Part key={part.at} which={which} points={pointsOf(values, part.at, end, breaks.length, x, y)} />
          })}
        </g>
      ))}
      {at !== null && <line class="cursor" x1={x(at)} x2={x(at)} y1={box.top} y2={box.bottom} />}
      <rect
        class="hit"
        x={box.left}
        y={box.top}
        width={box.right - box.left}
        height={box.bottom - box.top}
        onPointerMove={move}
        onPointerLeave={() => setAt(null)}
      />
    </Figure>
  )
}

function describe(lines: readonly Series[], over: string, unit: string | undefined): string {
  const said = lines.map(({ name, values }) => `${name} from ${short(values[0])} to ${short(values.at(-1))}`)
  return `${said.join('; ')}, over ${over}${unit === undefined ? '' : `, ${unit}`}`
}

function Breaks({ breaks, x }: { breaks: readonly Break[]; x: (i: number) => number }): VNode {
  return (
    <g>
      {breaks.map(({ at, name }) => (
        <g key={at}>
          {at > 0 && <line class="break" x1={x(at)} x2={x(at)} y1={box.top} y2={box.bottom} />}
          <text class="tick" x={x(at) + 3} y={height - 8}>
            {name}
          </text>
        </g>
      ))}
    </g>
  )
}

type Point = readonly [x: number, y: number]

/** One part of a line, thinned to what a screen can show. */
function pointsOf(
  values: readonly number[],
  start: number,
  end: number,
  parts: number,
  x: (i: number) => number,
  y: (value: number) => number,
): Point[] {
  const run = values.slice(start, end)
  const means = thin(run, Math.ceil(mostPoints / parts))
  return means.flatMap((value, k): Point[] => {
    const i = start + ((k + 0.5) * run.length) / means.length - 0.5
    return Number.isFinite(value) ? [[x(i), y(value)]] : []
  })
}

function Part({ which, points }: { which: number; points: readonly Point[] }): VNode | null {
  const [only] = points
  if (only === undefined) return null
  if (points.length === 1) return <circle class={`dot k${which}`} cx={only[0]} cy={only[1]} r={3} />
  return (
    <polyline class={`line k${which}`} points={points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')} />
  )
}
