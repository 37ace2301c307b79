/** Layers on top of each other over time, and what they are together. */
import type { VNode } from 'preact'
import { short } from '../../views/format.ts'
import { niceScale, place } from '../../views/scale.ts'
import { box, Figure, height, Legend, YAxis, type Series } from './figure.tsx'

interface Props {
  readonly title: string
  readonly layers: readonly Series[]
  /** Milliseconds since the epoch, and the width of a bin. */
  readonly from: number
  readonly binMs: number
  readonly unit: string
  /** Hatches the bins in which nothing was at work. */
  readonly markIdle?: boolean
}

export function StackChart({ title, layers, from, binMs, unit, markIdle = false }: Props): VNode {
  const bins = layers[0]?.values.length ?? 0
  const sums = Array.from({ length: bins }, (_, i) => layers.reduce((sum, { values }) => sum + (values[i] ?? 0), 0))
  const scale = niceScale([0, ...sums])
  const highest = Math.max(0, ...sums)
  const idle = sums.filter((sum) => sum < highest / 100).length / Math.max(1, bins)
  const x = (i: number): string => place(i, { min: 0, max: bins }, box.left, box.right).toFixed(1)
  const y = (value: number): string => place(value, scale, box.bottom, box.top).toFixed(1)
  /** The upper edge as a stair: a bin is a mean over its whole width. */
  const stair = (edge: readonly number[]): string[] =>
    edge.flatMap((value, i) => [`${x(i)},${y(value)}`, `${x(i + 1)},${y(value)}`])
  let base = sums.map(() => 0)
  const areas = layers.map(({ name, values }, which) => {
    const below = base
    base = below.map((value, i) => value + (values[i] ?? 0))
    const points = [...stair(base), ...stair(below).reverse()]
    return <polygon key={name} class={`area k${which}`} points={points.join(' ')} />
  })
  return (
    <Figure
      title={title}
      label={`At most ${short(highest)} ${unit}; ${Math.round(100 * idle)} % of the time hardly any`}
      table={{
        header: ['second', ...layers.map(({ name }) => name)],
        rows: sums.map((_, i) => [(i * binMs) / 1000, ...layers.map(({ values }) => values[i] ?? 0)]),
      }}
      legend={<Legend names={layers.map(({ name }) => name)} />}
    >
      <YAxis scale={scale} />
      {markIdle &&
        idleSpans(sums).map(([start, end]) => <Idle key={start} left={Number(x(start))} right={Number(x(end))} />)}
      {areas}
      <text class="tick" x={box.left} y={height - 8}>
        {new Date(from).toLocaleTimeString()}
      </text>
      <text class="tick" x={box.right} y={height - 8} text-anchor="end">
        {new Date(from + bins * binMs).toLocaleTimeString()}
      </text>
    </Figure>
  )
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
function Idle({ left, right }: { left: number; right: number }): VNode {
  const step = 6
  const rise = box.bottom - box.top
  const lines = Array.from({ length: Math.max(0, Math.ceil((right - left + rise) / step)) }, (_, i) => {
    // From the lower edge up to the right, cut where the span begins and ends.
    const foot = left - rise + i * step
    const from = Math.max(left, foot)
    const to = Math.min(right, foot + rise)
    return from >= to ? '' : `M${from} ${box.bottom - (from - foot)}L${to} ${box.bottom - (to - foot)}`
  })
  return <path class="idle" d={lines.join('')} />
}
