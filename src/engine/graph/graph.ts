/**
 * A graph of tensor operations with their shapes, and its form as an ONNX model.
 *
 * It keeps two lists. `nodes` are ONNX nodes, in the order in which they run. `tape` holds the differentiable steps
 * that `ops/` made of them, for `autodiff/`. The graph itself knows the meaning of neither.
 */
import type { Dtype, TensorData } from './dtype.ts'
import { sizeOf, toTensorData } from './dtype.ts'
import type { Dimension } from './dimension.ts'
import type { Attributes, OnnxNode } from './onnx.ts'
import { SENTINEL_OUTPUT, writeModel } from './onnx.ts'

export type { Attributes } from './onnx.ts'
export { MICROSOFT, SENTINEL_OUTPUT } from './onnx.ts'

/** A tensor of the graph: an input, a constant, or what a node gives. */
export class Value {
  readonly graph: Graph
  readonly shape: readonly Dimension[]
  readonly dtype: Dtype
  /** Unique in the graph. An output takes the name it is declared under. */
  name: string

  constructor(graph: Graph, name: string, shape: readonly Dimension[], dtype: Dtype) {
    this.graph = graph
    this.name = name
    this.shape = shape
    this.dtype = dtype
  }

  /** The length of axis `axis`, which may be open; negative axes count from the end. */
  extent(axis: number): Dimension {
    const length = this.shape.at(axis)
    if (length === undefined) throw new RangeError(`${this.name} [${this.shape.join(', ')}] has no axis ${axis}`)
    return length
  }

  /** The length of an axis that is known. Throws RangeError where it is open. */
  dimension(axis: number): number {
    const length = this.extent(axis)
    if (typeof length === 'number') return length
    throw new RangeError(`${this.name} [${this.shape.join(', ')}]: the length of axis ${axis} is open`)
  }
}

/** An ONNX node. `undefined` is an optional input or output that is left out. */
export interface GraphNode extends OnnxNode {
  readonly inputs: readonly (Value | undefined)[]
  readonly outputs: readonly (Value | undefined)[]
}

/** Shape and element type of a node's output (float32 unless said). */
export interface OutputSpec {
  readonly shape: readonly Dimension[]
  readonly dtype?: Dtype
}

/** A differentiable step: what went in, what came out, and what its derivative will want to know. */
export interface TapeEntry {
  readonly primitive: string
  readonly inputs: readonly Value[]
  readonly output: Value
  /** Intermediate values that the backward pass reuses. */
  readonly saved: Readonly<Record<string, Value>>
  /** Numbers of the step (axis, permutation, scale). */
  readonly numbers: Readonly<Record<string, readonly number[]>>
  /** Of a step that kept none of its intermediate values: computes it again from its first input, recording how. */
  readonly replay?: (input: Value) => Value
}

export interface Constant {
  readonly value: Value
  readonly data: TensorData
}

/** What the provider that will run a graph cannot be relied on for. */
export interface GraphLimits {
  /** It leaves the second output of a norm unwritten, so its scale is computed apart. Default false. */
  readonly normScaleApart?: boolean
}

export class Graph {
  readonly limits: GraphLimits
  readonly nodes: GraphNode[] = []
  readonly constants: Constant[] = []
  readonly inputs: Value[] = []
  readonly outputs: Value[] = []
  private recording: TapeEntry[] = []
  private readonly names = new Set<string>([SENTINEL_OUTPUT])
  private readonly shared = new Map<string, Value>()
  private counter = 0

  constructor(limits: GraphLimits = {}) {
    this.limits = limits
  }

  /** A tensor that is fed on every run. */
  input(name: string, shape: readonly Dimension[], dtype: Dtype = 'float32'): Value {
    this.claim(name)
    const value = new Value(this, name, shape, dtype)
    this.inputs.push(value)
    return value
  }

  /** A tensor whose elements are part of the model. Throws RangeError when the count does not fit the shape. */
  constant(data: TensorData | readonly number[], shape: readonly number[], dtype: Dtype = 'float32'): Value {
    if (data.length !== sizeOf(shape)) {
      throw new RangeError(`constant: ${data.length} elements for shape [${shape.join(', ')}]`)
    }
    const value = new Value(this, this.fresh('constant'), shape, dtype)
    this.constants.push({ value, data: toTensorData(data, dtype) })
    return value
  }

  /** A small constant that is made once however often it is asked for (shapes, axes, scalars). */
  sharedConstant(data: readonly number[], shape: readonly number[], dtype: Dtype = 'float32'): Value {
    return this.memo(`${dtype}:${shape.join(',')}:${data.join(',')}`, () => this.constant(data, shape, dtype))
  }

  /** The value that `make` gives, made once per `key`. */
  memo(key: string, make: () => Value): Value {
    const known = this.shared.get(key)
    if (known !== undefined) return known
    const value = make()
    this.shared.set(key, value)
    return value
  }

  /** Adds a node with one output. */
  op(
    type: string,
    inputs: readonly (Value | undefined)[],
    output: OutputSpec,
    attributes: Attributes = {},
    domain = '',
  ): Value {
    const value = this.result(type, output)
    this.nodes.push({ type, domain, inputs, outputs: [value], attributes })
    return value
  }

  /** Adds a node with several outputs; `undefined` leaves one out. */
  opWithOutputs(
    type: string,
    inputs: readonly (Value | undefined)[],
    outputs: readonly (OutputSpec | undefined)[],
    attributes: Attributes = {},
    domain = '',
  ): (Value | undefined)[] {
    const values = outputs.map((spec) => (spec === undefined ? undefined : this.result(type, spec)))
    this.nodes.push({ type, domain, inputs, outputs: values, attributes })
    return values
  }

  /** The differentiable steps so far, in the order in which they were taken. */
  get tape(): readonly TapeEntry[] {
    return this.recording
  }

  /** Notes a differentiable step. */
  record(entry: TapeEntry): Value {
    this.recording.push(entry)
    return entry.output
  }

  /** The value that `make` gives, and the steps to it on a tape of their own. */
  recordAside(make: () => Value): { readonly value: Value; readonly tape: readonly TapeEntry[] } {
    const main = this.recording
    const aside: TapeEntry[] = []
    this.recording = aside
    try {
      return { value: make(), tape: aside }
    } finally {
      this.recording = main
    }
  }

  /** Declares `value` as an output under `name`. One value may be declared once; inputs and constants cannot be. */
  output(name: string, value: Value): void {
    if (this.outputs.includes(value)) throw new Error(`graph: ${value.name} is an output already`)
    if (this.inputs.includes(value) || this.constants.some((constant) => constant.value === value)) {
      throw new Error(`graph: ${value.name} is not computed, so it cannot be an output`)
    }
    this.claim(name)
    value.name = name
    this.outputs.push(value)
  }

  /** The serialised ONNX model. */
  build(): Uint8Array {
    return writeModel(this)
  }

  private result(type: string, spec: OutputSpec): Value {
    return new Value(this, this.fresh(type), spec.shape, spec.dtype ?? 'float32')
  }

  private fresh(stem: string): string {
    return `%${stem}.${this.counter++}`
  }

  private claim(name: string): void {
    if (name.startsWith('%')) throw new Error(`graph: names that start with % are the builder's own (${name})`)
    if (this.names.has(name)) throw new Error(`graph: the name ${name} is taken`)
    this.names.add(name)
  }
}
