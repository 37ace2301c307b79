/** What all charts share: the area they are drawn in, its axes, the marks of their series, and what belongs to a drawing. */
import { place, tickText, type Scale } from '../views/scale.ts'
import type { Table } from '../views/table.ts'
import { shape, type Shape } from './shape.ts'

/** The whole drawing, and the lines between which values stand, in units of the drawing. */
export interface Area {
  readonly width: number
  readonly height: number
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** A chart that has a card to itself, one of several in a row, and one that is small beside what it is about. */
export const wide = areaOf(520, 216)
export const narrow = areaOf(380, 200)
export const flat = areaOf(400, 104)

function areaOf(width: number, height: number): Area {
  return { width, height, left: 48, right: width - 12, top: 18, bottom: height - 28 }
}

export interface Drawing {
  readonly title: string
  /** The chart in words, for those who cannot see it. */
  readonly label: string
  readonly area: Area
  readonly shapes: readonly Shape[]
  readonly legend: Legend
}

/** A chart that can be taken along as numbers, unrounded. */
export interface Chart extends Drawing {
  readonly table: () => Table
}

export interface Legend {
  /** Said before the series. */
  readonly note?: string
  readonly items: readonly {
    readonly name: string
    readonly value?: string
    /** Its mark, in a square of `keySize` units. */
    readonly key: Shape
  }[]
}

export interface Series {
  readonly name: string
  readonly values: readonly number[]
}

export const keySize = 14

/** The colour of a series: the style sheets know five. */
export function seriesClass(which: number): string {
  return `k${which % 5}`
}

/** A series whose mark is its colour only. */
export function swatch(which: number): Shape {
  return shape('rect', { class: `dot ${seriesClass(which)}`, x: 1, y: 1, width: 12, height: 12, rx: 3 })
}

/** Circles and diamonds in turn: two series differ without their colours too. */
export function marker(which: number, x: number, y: number): Shape {
  if (which % 2 === 0) return shape('circle', { class: 'dot', cx: x, cy: y, r: 4 })
  const turn = `rotate(45 ${x.toFixed(1)} ${y.toFixed(1)})`
  return shape('rect', { class: 'dot', x: x - 3.5, y: y - 3.5, width: 7, height: 7, transform: turn })
}

/** Lines across at the scale's ticks, each with its number. */
export function yAxis({ left, right, top, bottom }: Area, scale: Scale): Shape {
  const lines = scale.ticks.flatMap((tick) => {
    const y = place(tick, scale, bottom, top)
    return [
      shape('line', { class: 'gridline', x1: left, x2: right, y1: y, y2: y }),
      shape('text', { x: left - 5, y: y + 4, 'text-anchor': 'end' }, tickText(tick)),
    ]
  })
  return shape('g', {}, ...lines)
}

/** A text under the area. */
export function below({ height }: Area, x: number, text: string, anchor: 'start' | 'middle' | 'end'): Shape {
  return shape('text', { x, y: height - 8, 'text-anchor': anchor }, text)
}

/** An upright line through the whole area. */
export function upright({ top, bottom }: Area, kind: 'break' | 'cursor', x: number): Shape {
  return shape('line', { class: kind, x1: x, x2: x, y1: top, y2: bottom })
}
