/** Lines over steps, with what they are under the pointer. */
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { wide } from '../../charts/drawing.ts'
import { drawLines, stepsOf, type Lines } from '../../charts/lines.ts'
import { Chart } from './chart.tsx'

export function LineChart({ lines }: { lines: Lines }): VNode {
  const [at, setAt] = useState<number | null>(null)
  const last = stepsOf(lines) - 1
  const { left, right, top, bottom } = wide
  const move = (event: PointerEvent): void => {
    const area = (event.currentTarget as SVGElement).getBoundingClientRect()
    const position = ((event.clientX - area.left) / area.width) * last
    setAt(Math.max(0, Math.min(last, Math.round(position))))
  }
  return (
    <Chart drawing={drawLines(lines, wide, at)}>
      <rect
        class="hit"
        x={left}
        y={top}
        width={right - left}
        height={bottom - top}
        onPointerMove={move}
        onPointerLeave={() => setAt(null)}
      />
    </Chart>
  )
}
