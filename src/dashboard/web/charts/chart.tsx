/** A drawing on the screen: its shapes as elements, its legend, and a way to take it along. */
import { h, type ComponentChildren, type VNode } from 'preact'
import { useRef } from 'preact/hooks'
import { keySize, type Area, type Chart as ChartDrawing, type Legend } from '../../charts/drawing.ts'
import type { Shape } from '../../charts/shape.ts'
import { namedRows } from '../../views/table.ts'
import { saveCsv, saveJson, savePng, saveSvg } from '../download.ts'

/** @param children what takes part in the drawing only here, above its shapes */
export function Chart({ drawing, children }: { drawing: ChartDrawing; children?: ComponentChildren }): VNode {
  const { title, label, area, shapes, legend, table } = drawing
  const chart = useRef<SVGSVGElement>(null)
  const withChart = (use: (svg: SVGSVGElement) => void): void => {
    if (chart.current !== null) use(chart.current)
  }
  return (
    <figure>
      <figcaption>{title}</figcaption>
      <svg ref={chart} class="chart" viewBox={viewBox(area)} role="img" aria-label={`${title}. ${label}`}>
        {shapes.map(element)}
        {children}
      </svg>
      <div class="foot">
        <Key legend={legend} />
        <div class="exports" role="group" aria-label={`Export: ${title}`}>
          <button type="button" class="small" onClick={() => withChart((svg) => void savePng(title, svg))}>
            PNG
          </button>
          <button type="button" class="small" onClick={() => withChart((svg) => saveSvg(title, svg))}>
            SVG
          </button>
          <button type="button" class="small" onClick={() => saveCsv(title, table())}>
            CSV
          </button>
          <button type="button" class="small" onClick={() => saveJson(title, namedRows(table()))}>
            JSON
          </button>
        </div>
      </div>
    </figure>
  )
}

export function viewBox({ width, height }: Area): string {
  return `0 0 ${width} ${height}`
}

export function element({ tag, attributes, children }: Shape): VNode {
  return h(tag as string, attributes, ...children.map((child) => (typeof child === 'string' ? child : element(child))))
}

function Key({ legend: { note, items } }: { legend: Legend }): VNode {
  return (
    <p class="legend">
      {note !== undefined && <span>{note}</span>}
      {items.map(({ name, value, key }) => (
        <span key={name}>
          <svg class="key" viewBox={`0 0 ${keySize} ${keySize}`} aria-hidden="true">
            {element(key)}
          </svg>
          {name} {value !== undefined && <b>{value}</b>}
        </span>
      ))}
    </p>
  )
}
