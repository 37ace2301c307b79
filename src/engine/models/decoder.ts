/**
 * The training graph of a decoder: log-probabilities of the targets of packed sequences, and, on request, the gradient
 * of a weighted sum of them. Knows nothing of sessions, of how batches are made, or of what the weights mean.
 */
import { backward } from '../autodiff/backward.ts'
import type { Dimension } from '../graph/dimension.ts'
import { OpenDimension } from '../graph/dimension.ts'
import { ONNX_DTYPE } from '../graph/dtype.ts'
import { Graph } from '../graph/graph.ts'
import { writeModel } from '../graph/onnx.ts'
import { splitGraph } from '../graph/split.ts'
import type { GraphLimits, Value } from '../graph/graph.ts'
import { causalAttention } from '../ops/attention.ts'
import type { RowPlaces } from '../ops/attention.ts'
import { targetLogprobs } from '../ops/head.ts'
import { reshapeKernel } from '../ops/kernels.ts'
import { rope } from '../ops/rope.ts'
import type { RopeTables } from '../ops/rope.ts'
import { reshape } from '../ops/shape.ts'
import type { Attention } from './blocks.ts'
import { decoderBody, headWeight } from './blocks.ts'
import type { ModelConfig } from './config.ts'
import { ropeTable } from './rope.ts'

/** Names of the graph's inputs and outputs that are not parameters. Shapes: `DecoderProgram`. */
export const IDS = 'ids'
export const TARGETS = 'targets'
export const POSITIONS = 'positions'
export const ROW_TOKENS = 'rowTokens'
export const ROW_OWNERS = 'rowOwners'
export const PLACES = 'places'
export const SEEDS = 'seeds'
export const LOGPROBS = 'logprobs'

/** The input that holds the gradient so far of a parameter, and the output that holds it with this batch added. */
export function gradientInput(parameter: string): string {
  return `gradientBefore:${parameter}`
}

export function gradientOutput(parameter: string): string {
  return `gradient:${parameter}`
}

/** Rows [B·T, d] that belong to a parameter's gradient at the indices that `indices` was fed with. */
interface RowOutput {
  readonly output: string
  readonly parameter: string
  readonly indices: typeof IDS | typeof TARGETS
  readonly width: number
}

/**
 * A graph over N packed tokens that stand in S rows of `length` positions, a row for each sequence; a token that several
 * sequences begin with is there once and stands in all their rows. Inputs: the parameters by name; `ids`, `targets` and
 * `positions` [N] (int32); `rowTokens`, `places` and, where tokens stand in more than one row, `rowOwners` (int32, see
 * `RowPlaces` in `ops/attention.ts`). Output: `logprobs` [N], nats. With gradients also: input `seeds` [N], the derivative of
 * the loss by each log-probability (0 on padding), and the dense and row gradients of the parameters asked for.
 */
export interface DecoderProgram {
  readonly model: Uint8Array
  /** Of a graph in two: gives the gradients, from what the first part carries over, and needs these inputs beside. */
  readonly second?: SecondPart
  readonly parameters: readonly string[]
  readonly denseGradients: readonly string[]
  readonly rowGradients: readonly RowOutput[]
}

/** The backward pass on its own. */
export interface SecondPart {
  readonly model: Uint8Array
  readonly inputs: ReadonlySet<string>
  /** Outputs of the first part that are inputs of this one. */
  readonly carried: readonly { readonly name: string; readonly shape: readonly Dimension[] }[]
}

export interface DecoderRequest {
  /** N, where the graph must know it: for a head in blocks, and for layers that are recomputed. Else it is open, as S is. */
  readonly tokens?: number | undefined
  /** Positions of a row. */
  readonly length: number
  /** Rows in which a token stands, at most: R. Default 1. */
  readonly copies?: number
  /** Shapes of all parameters, adapters included, by name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>
  /** The parameters to differentiate by; none: log-probabilities only. */
  readonly trainable: readonly string[]
  readonly lora?: { readonly scale: number } | undefined
  /** Keep only the input of each layer for the gradient, and compute the rest a second time. */
  readonly recompute?: boolean
  /** In two parts, log-probabilities and gradients, so that what the gradients weigh may follow from the first. */
  readonly split?: boolean
  /** Elements of logits that exist at a time; default that of `ops/head.ts`. */
  readonly maxLogits?: number | undefined
  /** Of what the graph will run on. */
  readonly limits?: GraphLimits
}

/** Throws RangeError when layers are to be recomputed and `tokens` is not given. */
export function buildDecoder(config: ModelConfig, request: DecoderRequest): DecoderProgram {
  const { tokens = new OpenDimension('tokens'), length, copies = 1, shapes } = request
  const graph = new Graph(request.limits)
  const ids = graph.input(IDS, [tokens], 'int32')
  const targets = graph.input(TARGETS, [tokens], 'int32')
  const parameters = new Map<string, Value>()
  const parameter = (name: string): Value => {
    const value = parameters.get(name) ?? graph.input(name, shapeOf(shapes, name))
    parameters.set(name, value)
    return value
  }
  const wanted = request.trainable.map(parameter)
  const seeds = wanted.length === 0 ? undefined : graph.input(SEEDS, [tokens])
  const recompute = request.recompute === true && seeds !== undefined
  const context = { graph, config, parameter, lora: request.lora, recompute }
  const hidden = decoderBody(context, ids, rotatedAttention(graph, config, { tokens, length, copies }))
  const head = headWeight(context)
  const onto = memoized((value: Value) => graph.input(gradientInput(value.name), value.shape))
  const known = seeds && { seeds, onto: wanted.includes(head) ? onto(head) : undefined }
  const logprobs = targetLogprobs(hidden, head, targets, { known, maxLogits: request.maxLogits })
  const gradients =
    seeds === undefined
      ? { denseGradients: [], rowGradients: [] }
      : addGradients(graph, { logprobs, ids, targets, wanted, seeds, onto })
  graph.output(LOGPROBS, logprobs)
  const models = request.split === true ? inTwo(graph, logprobs) : { model: graph.build() }
  return { ...models, parameters: [...parameters.keys()], ...gradients }
}

function inTwo(graph: Graph, logprobs: Value): Pick<DecoderProgram, 'model' | 'second'> {
  const { first, second, carried } = splitGraph(graph, [logprobs])
  const inputs = new Set(second.inputs.map(({ name }) => name))
  return { model: writeModel(first), second: { model: writeModel(second), inputs, carried } }
}

function shapeOf(shapes: ReadonlyMap<string, readonly number[]>, name: string): readonly number[] {
  const shape = shapes.get(name)
  if (shape === undefined) throw new Error(`decoder: no shape for the parameter ${name}`)
  return shape
}

interface Packing {
  readonly tokens: Dimension
  readonly length: number
  readonly copies: number
}

/** Rotary positions, then causal attention over the rows. */
function rotatedAttention(graph: Graph, config: ModelConfig, packing: Packing): Attention {
  const { heads, kvHeads, headDim } = config
  const tables = ropeInputs(graph, config, packing)
  const rows = rowInputs(graph, config, packing)
  const rotate = (x: Value): Value =>
    reshape(rope(reshape(x, [packing.tokens, 1, x.dimension(1)]), tables), [packing.tokens, x.dimension(1)])
  return (q, k, v) => causalAttention(rotate(q), rotate(k), v, { ...rows, heads, kvHeads, headDim })
}

function rowInputs(graph: Graph, { kvHeads }: ModelConfig, { tokens: count, length, copies }: Packing): RowPlaces {
  const shape = [new OpenDimension('rows'), kvHeads, length, 1]
  const tokens = graph.input(ROW_TOKENS, shape.slice(0, 3), 'int32')
  const places = graph.input(PLACES, [count, kvHeads, copies], 'int32')
  const owners = copies === 1 ? reshapeKernel(tokens, shape) : graph.input(ROW_OWNERS, shape, 'int32')
  return { tokens, owners, places }
}

function ropeInputs(graph: Graph, config: ModelConfig, { tokens, length }: Packing): RopeTables {
  const { cos, sin } = ropeTable(config, length)
  const shape = [length, config.headDim / 2]
  const positions = graph.input(POSITIONS, [tokens, 1], 'int32')
  const negative = sin.map((value) => -value)
  return {
    positions: graph.op(
      'Cast',
      [positions],
      { shape: positions.shape, dtype: 'int64' },
      { to: { int: ONNX_DTYPE.int64 } },
    ),
    cos: graph.constant(cos, shape),
    sin: graph.constant(sin, shape),
    negativeSin: graph.constant(negative, shape),
  }
}

interface GradientRequest {
  readonly logprobs: Value
  readonly ids: Value
  readonly targets: Value
  readonly wanted: readonly Value[]
  readonly seeds: Value
  readonly onto: (value: Value) => Value
}

function memoized<K, V>(make: (key: K) => V): (key: K) => V {
  const made = new Map<K, V>()
  return (key) => {
    const value = made.get(key) ?? make(key)
    made.set(key, value)
    return value
  }
}

function addGradients(
  graph: Graph,
  { logprobs, ids, targets, wanted, seeds, onto }: GradientRequest,
): Pick<DecoderProgram, 'denseGradients' | 'rowGradients'> {
  const gradients = backward(graph, { seeds: new Map([[logprobs, seeds]]), wanted, onto })
  const denseGradients: string[] = []
  const rowGradients: RowOutput[] = []
  for (const [value, { dense, rows }] of gradients) {
    if (dense !== undefined) {
      graph.output(gradientOutput(value.name), dense)
      denseGradients.push(value.name)
    }
    rows.forEach((term, index) => {
      const output = `${gradientOutput(value.name)}.rows${index}`
      graph.output(output, term.rows)
      if (term.indices !== ids && term.indices !== targets) throw new Error('decoder: rows at unknown indices')
      const indices = term.indices === ids ? IDS : TARGETS
      rowGradients.push({ output, parameter: value.name, indices, width: term.rows.dimension(1) })
    })
  }
  return { denseGradients, rowGradients }
}
