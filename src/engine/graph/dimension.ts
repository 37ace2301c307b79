/** Lengths of axes, some of which are only known when a graph is run. Knows nothing of tensors. */

/** `times` × a length with a name, which the buffers that are fed decide. */
export class OpenDimension {
  readonly symbol: string
  readonly times: number

  constructor(symbol: string, times = 1) {
    this.symbol = symbol
    this.times = times
  }

  /** Equal lengths have equal texts, so that shapes can be compared as texts. */
  toString(): string {
    return this.times === 1 ? this.symbol : `${this.times}·${this.symbol}`
  }
}

/** The length of an axis. */
export type Dimension = number | OpenDimension

/** a · b, of which one may be open. Throws RangeError when both are. */
export function timesDimension(a: Dimension, b: Dimension): Dimension {
  if (typeof a === 'number') return typeof b === 'number' ? a * b : scaled(b, a)
  if (typeof b === 'number') return scaled(a, b)
  throw new RangeError(`a length of ${a.toString()} × ${b.toString()} is not known`)
}

/** a / n. Throws RangeError when that leaves a rest. */
export function dividedDimension(a: Dimension, n: number): Dimension {
  const times = (typeof a === 'number' ? a : a.times) / n
  if (!Number.isInteger(times)) throw new RangeError(`a length of ${a.toString()} is not divided by ${n}`)
  return typeof a === 'number' ? times : new OpenDimension(a.symbol, times)
}

function scaled({ symbol, times }: OpenDimension, factor: number): OpenDimension {
  return new OpenDimension(symbol, times * factor)
}

/** Elements of a shape; 1 for a scalar. At most one axis may be open. */
export function elementsOf(shape: readonly Dimension[]): Dimension {
  return shape.reduce(timesDimension, 1)
}

export function sameDimension(a: Dimension, b: Dimension): boolean {
  return String(a) === String(b)
}
