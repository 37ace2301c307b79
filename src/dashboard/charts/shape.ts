/**
 * A drawing as data: shapes with attributes and children. The viewer makes elements of them, the report makes markup, each
 * escaping what it is given. Tags and attributes are a closed list, and none of them loads, runs or leads anywhere.
 */

export type Tag = 'circle' | 'g' | 'line' | 'path' | 'polygon' | 'polyline' | 'rect' | 'text' | 'title'

type Attribute =
  | 'class'
  | 'cx'
  | 'cy'
  | 'd'
  | 'height'
  | 'points'
  | 'r'
  | 'rx'
  | 'text-anchor'
  | 'transform'
  | 'width'
  | 'x'
  | 'x1'
  | 'x2'
  | 'y'
  | 'y1'
  | 'y2'

export interface Shape {
  readonly tag: Tag
  readonly attributes: Readonly<Partial<Record<Attribute, string | number>>>
  /** A string is text, whatever stands in it. */
  readonly children: readonly (Shape | string)[]
}

export type Point = readonly [x: number, y: number]

/** Lengths are rounded to a tenth of a unit: nobody sees the rest, and a file stays small. */
export function shape(tag: Tag, attributes: Shape['attributes'], ...children: readonly (Shape | string)[]): Shape {
  const rounded = Object.entries(attributes).map(([name, value]) => {
    return [name, typeof value === 'number' ? tenth(value) : value] as const
  })
  return { tag, attributes: Object.fromEntries(rounded), children }
}

/** The `points` of a line or an area. */
export function through(points: readonly Point[]): string {
  return points.map(([x, y]) => `${tenth(x)},${tenth(y)}`).join(' ')
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10
}
