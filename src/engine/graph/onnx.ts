/**
 * Writes a graph as an ONNX ModelProto. Field numbers: onnx/onnx.proto3. Knows nothing of what the graph computes.
 */
import type { Dimension } from './dimension.ts'
import type { Dtype, TensorData } from './dtype.ts'
import { ONNX_DTYPE } from './dtype.ts'
import { MessageWriter } from './protobuf.ts'

const IR_VERSION = 10
const OPSET = 21
const MICROSOFT_OPSET = 1
const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const

/** The domain of ONNX Runtime's own operators. */
export const MICROSOFT = 'com.microsoft'

/**
 * Name of the sequence-typed output that heads every model's outputs. It carries nothing; `runtime/` uses it to keep
 * the binding from copying the outputs that follow (see `runtime/zero-copy.ts`).
 */
export const SENTINEL_OUTPUT = 'pop.sentinel'

type AttributeValue =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }

export type Attributes = Readonly<Record<string, AttributeValue>>

/** A tensor by name. */
export interface OnnxTensor {
  readonly name: string
  readonly shape: readonly Dimension[]
  readonly dtype: Dtype
}

/** A node. `undefined` is an optional input or output that is left out. */
export interface OnnxNode {
  readonly type: string
  readonly domain: string
  readonly inputs: readonly (OnnxTensor | undefined)[]
  readonly outputs: readonly (OnnxTensor | undefined)[]
  readonly attributes: Attributes
}

interface OnnxConstant {
  readonly value: OnnxTensor
  readonly data: TensorData
}

/** What a model consists of; nodes in the order in which they run. */
export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[]
  readonly constants: readonly OnnxConstant[]
  readonly inputs: readonly OnnxTensor[]
  readonly outputs: readonly OnnxTensor[]
}

/** The serialised model. */
export function writeModel(graph: OnnxGraph): Uint8Array {
  return new MessageWriter()
    .int(1, IR_VERSION)
    .string(2, 'pop-selfplay')
    .message(7, (writer) => writeGraph(writer, graph))
    .message(8, (opset) => opset.string(1, '').int(2, OPSET))
    .message(8, (opset) => opset.string(1, MICROSOFT).int(2, MICROSOFT_OPSET))
    .finish()
}

function writeGraph(writer: MessageWriter, graph: OnnxGraph): void {
  const sentinelElement = `${SENTINEL_OUTPUT}.element`
  writer.message(1, (node) => node.string(1, sentinelElement).string(2, SENTINEL_OUTPUT).string(4, 'SequenceConstruct'))
  for (const node of graph.nodes) writer.message(1, (message) => writeNode(message, node))
  writer.string(2, 'graph')
  writer.message(5, (tensor) =>
    tensor.int(1, 1).int(2, ONNX_DTYPE.float32).string(8, sentinelElement).bytes(9, new Uint8Array(4)),
  )
  for (const constant of graph.constants) writer.message(5, (tensor) => writeConstant(tensor, constant))
  for (const input of graph.inputs) writer.message(11, (info) => writeValueInfo(info, input))
  writer.message(12, writeSentinelInfo)
  for (const output of graph.outputs) writer.message(12, (info) => writeValueInfo(info, output))
}

function writeNode(writer: MessageWriter, node: OnnxNode): void {
  for (const input of node.inputs) writer.string(1, input?.name ?? '')
  for (const output of node.outputs) writer.string(2, output?.name ?? '')
  writer.string(4, node.type)
  for (const [name, value] of Object.entries(node.attributes)) {
    writer.message(5, (attribute) => writeAttribute(attribute.string(1, name), value))
  }
  if (node.domain !== '') writer.string(7, node.domain)
}

function writeAttribute(writer: MessageWriter, value: AttributeValue): void {
  if ('float' in value) writer.float(2, value.float).int(20, ATTRIBUTE_TYPE.float)
  else if ('int' in value) writer.int(3, value.int).int(20, ATTRIBUTE_TYPE.int)
  else if ('string' in value) writer.string(4, value.string).int(20, ATTRIBUTE_TYPE.string)
  else if ('floats' in value) {
    for (const item of value.floats) writer.float(7, item)
    writer.int(20, ATTRIBUTE_TYPE.floats)
  } else {
    for (const item of value.ints) writer.int(8, item)
    writer.int(20, ATTRIBUTE_TYPE.ints)
  }
}

function writeConstant(writer: MessageWriter, { value, data }: OnnxConstant): void {
  for (const length of value.shape) {
    if (typeof length !== 'number')
      throw new RangeError(`constant ${value.name}: the length ${length.toString()} is open`)
    writer.int(1, length)
  }
  writer.int(2, ONNX_DTYPE[value.dtype]).string(8, value.name)
  writer.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
}

function writeValueInfo(writer: MessageWriter, value: OnnxTensor): void {
  writer.string(1, value.name).message(2, (type) => writeTensorType(type, value.dtype, value.shape))
}

function writeTensorType(writer: MessageWriter, dtype: Dtype, shape: readonly Dimension[]): void {
  writer.message(1, (tensor) =>
    tensor.int(1, ONNX_DTYPE[dtype]).message(2, (shapeMessage) => {
      for (const length of shape) {
        shapeMessage.message(1, (dimension) =>
          typeof length === 'number' ? dimension.int(1, length) : dimension.string(2, length.toString()),
        )
      }
    }),
  )
}

/** sequence(tensor(float)). */
function writeSentinelInfo(writer: MessageWriter): void {
  writer
    .string(1, SENTINEL_OUTPUT)
    .message(2, (type) =>
      type.message(4, (sequence) =>
        sequence.message(1, (element) => element.message(1, (tensor) => tensor.int(1, ONNX_DTYPE.float32))),
      ),
    )
}
