/** What all charts share: a title, a description in words, an axis, and a way to take the chart along. */
import type { ComponentChildren, VNode } from 'preact'
import { useRef } from 'preact/hooks'
import { short } from '../../views/format.ts'
import { place, type Scale } from '../../views/scale.ts'
import { namedRows, type Table } from '../../views/table.ts'
import { saveCsv, saveJson, savePng, saveSvg } from '../download.ts'

export const width = 520
export const height = 210
export const box = { left: 48, right: width - 12, top: 12, bottom: height - 28 }

/** A chart with its title, its description for those who cannot see it, and its exports. */
export function Figure({
  title,
  label,
  table,
  children,
  legend,
}: {
  title: string
  label: string
  table: Table
  children: ComponentChildren
  legend?: ComponentChildren
}): VNode {
  const chart = useRef<SVGSVGElement>(null)
  const withChart = (use: (svg: SVGSVGElement) => void): void => {
    if (chart.current !== null) use(chart.current)
  }
  return (
    <figure>
      <figcaption>{title}</figcaption>
      <svg ref={chart} class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${title}. ${label}`}>
        {children}
      </svg>
      <div class="foot">
        {legend}
        <div class="exports" role="group" aria-label={`Export: ${title}`}>
          <button type="button" class="small" onClick={() => withChart((svg) => void savePng(title, svg))}>
            PNG
          </button>
          <button type="button" class="small" onClick={() => withChart((svg) => saveSvg(title, svg))}>
            SVG
          </button>
          <button type="button" class="small" onClick={() => saveCsv(title, table)}>
            CSV
          </button>
          <button type="button" class="small" onClick={() => saveJson(title, namedRows(table))}>
            JSON
          </button>
        </div>
      </div>
    </figure>
  )
}

export function YAxis({ scale, unit }: { scale: Scale; unit?: string }): VNode {
  return (
    <g>
      {scale.ticks.map((tick) => {
        const y = place(tick, scale, box.bottom, box.top)
        return (
          <g key={tick}>
            <line class="grid" x1={box.left} x2={box.right} y1={y} y2={y} />
            <text class="tick" x={box.left - 5} y={y + 4} text-anchor="end">
              {short(tick)}
            </text>
          </g>
        )
      })}
      {unit !== undefined && (
        <text class="tick" x={box.right} y={height - 8} text-anchor="end">
          {unit}
        </text>
      )}
    </g>
  )
}

/** Names of the series with their colours, and their values where there is a place to read them at. */
export function Legend({
  names,
  values,
  at,
}: {
  names: readonly string[]
  values?: readonly (number | undefined)[]
  at?: string
}): VNode {
  return (
    <p class="legend">
      {at !== undefined && <span>{at}</span>}
      {names.map((name, which) => (
        <span key={name}>
          <i class={`key k${which}`} />
          {name} {values !== undefined && <b>{short(values[which])}</b>}
        </span>
      ))}
    </p>
  )
}

export interface Series {
  readonly name: string
  readonly values: readonly number[]
}
