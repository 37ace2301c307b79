/**
 * Single ONNX nodes with their shapes worked out. Nothing here is recorded for differentiation: the ops of this room
 * and the derivative rules are both written in these terms.
 */
import type { Attributes, Value } from '../graph/graph.ts'
import { MICROSOFT } from '../graph/graph.ts'
import type { Dimension } from '../graph/dimension.ts'
import { dividedDimension, elementsOf, sameDimension } from '../graph/dimension.ts'

/** NumPy broadcasting. Throws RangeError when the shapes do not go together. */
function broadcastShape(a: readonly Dimension[], b: readonly Dimension[]): Dimension[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const left = a[i - rank + a.length] ?? 1
    const right = b[i - rank + b.length] ?? 1
    if (left === 1) return right
    if (right === 1 || sameDimension(left, right)) return left
    throw new RangeError(`shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast`)
  })
}

function binary(type: string, a: Value, b: Value): Value {
  return a.graph.op(type, [a, b], { shape: broadcastShape(a.shape, b.shape) })
}

export function addKernel(a: Value, b: Value): Value {
  return binary('Add', a, b)
}

export function subKernel(a: Value, b: Value): Value {
  return binary('Sub', a, b)
}

export function mulKernel(a: Value, b: Value): Value {
  return binary('Mul', a, b)
}

export function divKernel(a: Value, b: Value): Value {
  return binary('Div', a, b)
}

export function unaryKernel(type: 'Sigmoid' | 'Exp' | 'Sqrt', x: Value): Value {
  return x.graph.op(type, [x], { shape: x.shape })
}

/** x · sigmoid(x) in one pass. */
export function siluKernel(x: Value): Value {
  return x.graph.op('QuickGelu', [x], { shape: x.shape }, { alpha: { float: 1 } }, MICROSOFT)
}

export interface GemmOptions {
  readonly transposeA?: boolean
  readonly transposeB?: boolean
  readonly alpha?: number
  /** Added to the product; broadcast along rows when it is a vector. */
  readonly onto?: Value | undefined
}

/** alpha · op(a) op(b) + onto, of matrices. */
export function gemmKernel(a: Value, b: Value, options: GemmOptions = {}): Value {
  const { onto } = options
  const shape = productShape(a, b, options)
  return a.graph.op('Gemm', onto === undefined ? [a, b] : [a, b, onto], { shape }, productAttributes(options))
}

/** alpha · op(a) op(b) over the last two axes; the leading axes are equal. */
export function matmulKernel(a: Value, b: Value, options: Omit<GemmOptions, 'onto'> = {}): Value {
  const shape = productShape(a, b, options)
  return a.graph.op('FusedMatMul', [a, b], { shape }, productAttributes(options), MICROSOFT)
}

function productShape(a: Value, b: Value, { transposeA = false, transposeB = false }: GemmOptions): Dimension[] {
  const [rows, inner] = transposeA ? [-1, -2] : [-2, -1]
  const [innerB, columns] = transposeB ? [-1, -2] : [-2, -1]
  if (!sameDimension(a.extent(inner), b.extent(innerB))) {
    throw new RangeError(`product: [${a.shape.join(', ')}] and [${b.shape.join(', ')}] do not multiply`)
  }
  return [...a.shape.slice(0, -2), a.extent(rows), b.extent(columns)]
}

function productAttributes({ transposeA = false, transposeB = false, alpha = 1 }: GemmOptions): Attributes {
  return { transA: { int: Number(transposeA) }, transB: { int: Number(transposeB) }, alpha: { float: alpha } }
}

/** Same elements in the same order, of at most one open length. Throws RangeError when the counts differ. */
export function reshapeKernel(x: Value, shape: readonly Dimension[]): Value {
  if (!sameDimension(elementsOf(shape), elementsOf(x.shape))) {
    throw new RangeError(`reshape: [${x.shape.join(', ')}] has not the size of [${shape.join(', ')}]`)
  }
  // In ONNX, 0 keeps a length and −1 is what is left. ONNX Runtime knows the shape of the first kind before it runs, and
  // may then write later results in its place.
  const target = shape.map((length, i) => {
    if (typeof length === 'number') return length
    return i < x.shape.length && sameDimension(length, x.extent(i)) ? 0 : -1
  })
  return x.graph.op('Reshape', [x, x.graph.sharedConstant(target, [target.length], 'int64')], { shape, dtype: x.dtype })
}

/** All elements of x as rows of `width`: [rows, width]; x itself when it is that. */
export function asRowsKernel(x: Value, width: number): Value {
  if (x.shape.length === 2 && x.extent(1) === width) return x
  return reshapeKernel(x, [dividedDimension(elementsOf(x.shape), width), width])
}

/** Sum over one axis, which stays with length 1. */
export function sumKernel(x: Value, axis: number): Value {
  const at = axis < 0 ? axis + x.shape.length : axis
  const shape = x.shape.map((length, i) => (i === at ? 1 : length))
  return x.graph.op('ReduceSum', [x, x.graph.sharedConstant([at], [1], 'int64')], { shape })
}

/** Positions `start` … `end` − 1 along an axis; x itself when that is all of it. */
export function sliceKernel(x: Value, axis: number, [start, end]: readonly [number, number]): Value {
  if (start === 0 && end === x.extent(axis)) return x
  const one = (index: number): Value => x.graph.sharedConstant([index], [1], 'int64')
  const shape = x.shape.map((length, i) => (i === axis ? end - start : length))
  return x.graph.op('Slice', [x, one(start), one(end), one(axis)], { shape, dtype: x.dtype })
}

/** One position of the last axis, which goes: [..., R] → [...]. Made once however often it is asked for. */
export function lastAxisKernel(x: Value, position: number): Value {
  return x.graph.memo(`lastAxis:${x.name}:${position}`, () =>
    reshapeKernel(sliceKernel(x, x.shape.length - 1, [position, position + 1]), x.shape.slice(0, -1)),
  )
}

/**
 * x, but not to be had before every value of `after` is computed. ONNX has no edges for order alone, so x is copied from
 * a start that is computed from those values, and is always 0.
 */
export function delayedKernel(x: Value, after: readonly Value[]): Value {
  const { graph } = x
  const zeros = after.map((value) => zeroFrom(value))
  const start = zeros.reduce((sum, zero) => graph.op('Add', [sum, zero], { shape: [1], dtype: 'int64' }))
  const one = (index: number): Value => graph.sharedConstant([index], [1], 'int64')
  const [rows = 0] = x.shape
  if (typeof rows !== 'number') throw new RangeError(`delayed: the length of ${x.name} is open`)
  const copy = graph.op('Slice', [x, start, one(rows), one(0)], { shape: x.shape, dtype: x.dtype })
  // ONNX Runtime cannot tell the shape of such a slice; with it, it may write results in the place of operands.
  return reshapeKernel(copy, x.shape)
}

/** 0 [1] (int64), computed from the first element of a float32 tensor. */
function zeroFrom(value: Value): Value {
  const { graph } = value
  const rank = value.shape.length
  const list = (item: (axis: number) => number): Value =>
    graph.sharedConstant(
      Array.from({ length: rank }, (_, axis) => item(axis)),
      [rank],
      'int64',
    )
  const corner = graph.op('Slice', [value, list(() => 0), list(() => 1), list((axis) => axis)], {
    shape: value.shape.map(() => 1),
  })
  const whole = graph.op('Cast', [reshapeKernel(corner, [1])], { shape: [1], dtype: 'int64' }, { to: { int: 7 } })
  return graph.op('Mul', [whole, graph.sharedConstant([0], [1], 'int64')], { shape: [1], dtype: 'int64' })
}

/** Joins along an axis. */
export function concatKernel(parts: readonly Value[], axis: number): Value {
  const [first] = parts
  if (first === undefined) throw new RangeError('concat: nothing to join')
  if (parts.length === 1) return first
  const total = parts.reduce((sum, part) => sum + part.dimension(axis), 0)
  const shape = first.shape.map((length, i) => (i === axis ? total : length))
  return first.graph.op('Concat', parts, { shape }, { axis: { int: axis } })
}

/** Zeros around x along an axis, `before` in front and the rest behind, up to `length`. */
export function padKernel(x: Value, axis: number, length: number, before = 0): Value {
  const missing = length - before - x.dimension(axis)
  if (missing === 0 && before === 0) return x
  const rank = x.shape.length
  const around = new Map([
    [axis, before],
    [rank + axis, missing],
  ])
  const pads = Array.from({ length: 2 * rank }, (_, i) => around.get(i) ?? 0)
  const shape = x.shape.map((old, i) => (i === axis ? length : old))
  return x.graph.op('Pad', [x, x.graph.sharedConstant(pads, [2 * rank], 'int64')], { shape })
}

/** The sum of tensors of one shape. */
export function totalKernel(parts: readonly Value[]): Value {
  const [first] = parts
  if (first === undefined) throw new RangeError('total: nothing to add')
  return parts.length === 1 ? first : first.graph.op('Sum', parts, { shape: first.shape })
}

/** Rows of `table` [V, d] at `indices` [...] (int32): [..., d]. */
export function gatherRowsKernel(table: Value, indices: Value): Value {
  return table.graph.op('Gather', [table, indices], {
    shape: [...indices.shape, ...table.shape.slice(1)],
    dtype: table.dtype,
  })
}
