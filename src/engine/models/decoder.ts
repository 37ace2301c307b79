/**
 * The training graph of a decoder: log-probabilities of the targets of a padded batch, and, on request, the gradient
 * of a weighted sum of them. Knows nothing of sessions, of how batches are made, or of what the weights mean.
 */
import { backward } from '../autodiff/backward.ts'
import { sizeOf } from '../graph/dtype.ts'
import { Graph } from '../graph/graph.ts'
import type { GraphLimits, Value } from '../graph/graph.ts'
import { causalAttention } from '../ops/attention.ts'
import type { RowLayout } from '../ops/attention.ts'
import { targetLogprobs } from '../ops/head.ts'
import { rope } from '../ops/rope.ts'
import type { RopeTables } from '../ops/rope.ts'
import { reshape } from '../ops/shape.ts'
import type { Attention } from './blocks.ts'
import { decoderBody, headWeight } from './blocks.ts'
import type { ModelConfig } from './config.ts'
import { ropeTable } from './rope.ts'

/** Names of the graph's inputs and outputs that are not parameters. */
export const IDS = 'ids'
export const TARGETS = 'targets'
export const SEEDS = 'seeds'
export const LOGPROBS = 'logprobs'
/** [B, 1, 1, prefix]: what is added to the scores of padding in front of common beginnings. */
export const PADDING = 'padding'

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
 * A graph over `batch` rows of T positions: a common beginning, padded on the left, and branches, padded on the right.
 * Inputs: the parameters by name, `ids` and `targets` [B·T] (int32), and `padding` where there are beginnings. Output: `logprobs` [B·T], nats. With gradients also: input `seeds` [B·T], the derivative of
 * the loss by each log-probability (0 on padding), and the dense and row gradients of the parameters asked for.
 */
export interface DecoderProgram {
  readonly model: Uint8Array
  readonly parameters: readonly string[]
  readonly denseGradients: readonly string[]
  readonly rowGradients: readonly RowOutput[]
}

export interface DecoderRequest {
  readonly batch: number
  /** Of a row; without `prefix` and `branches` a row is one sequence. */
  readonly length: number
  readonly prefix?: number
  readonly branches?: number
  /** Shapes of all parameters, adapters included, by name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>
  /** The parameters to differentiate by; none: log-probabilities only. */
  readonly trainable: readonly string[]
  readonly lora?: { readonly scale: number } | undefined
  /** Keep only the input of each layer for the gradient, and compute the rest a second time. */
  readonly recompute?: boolean
  /** Elements of logits that exist at a time; default that of `ops/head.ts`. */
  readonly maxLogits?: number | undefined
  /** Of what the graph will run on. */
  readonly limits?: GraphLimits
}

export function buildDecoder(config: ModelConfig, request: DecoderRequest): DecoderProgram {
  const { batch, length, prefix = 0, branches = 1, shapes } = request
  const positions = batch * (prefix + branches * length)
  const graph = new Graph(request.limits)
  const ids = graph.input(IDS, [positions], 'int32')
  const targets = graph.input(TARGETS, [positions], 'int32')
  const padding = prefix === 0 ? undefined : graph.input(PADDING, [batch, 1, 1, prefix])
  const parameters = new Map<string, Value>()
  const parameter = (name: string): Value => {
    const value = parameters.get(name) ?? graph.input(name, shapeOf(shapes, name))
    parameters.set(name, value)
    return value
  }
  const wanted = request.trainable.map(parameter)
  const seeds = wanted.length === 0 ? undefined : graph.input(SEEDS, [positions])
  const recompute = request.recompute === true && seeds !== undefined
  const context = { graph, config, parameter, lora: request.lora, recompute }
  const hidden = decoderBody(
    context,
    ids,
    rotatedAttention(graph, config, batch, { prefix, branches, length, padding }),
  )
  const head = headWeight(context)
  const onto = memoized((value: Value) => graph.input(gradientInput(value.name), value.shape))
  const known = seeds && { seeds, onto: wanted.includes(head) ? onto(head) : undefined }
  const logprobs = targetLogprobs(hidden, head, targets, { known, maxLogits: request.maxLogits })
  const gradients =
    seeds === undefined
      ? { denseGradients: [], rowGradients: [] }
      : addGradients(graph, { logprobs, ids, targets, wanted, seeds, onto })
  graph.output(LOGPROBS, logprobs)
  return { model: graph.build(), parameters: [...parameters.keys()], ...gradients }
}

function shapeOf(shapes: ReadonlyMap<string, readonly number[]>, name: string): readonly number[] {
  const shape = shapes.get(name)
  if (shape === undefined) throw new Error(`decoder: no shape for the parameter ${name}`)
  return shape
}

/** Rotary positions, then causal attention, over rows of the layout. */
function rotatedAttention(graph: Graph, config: ModelConfig, batch: number, layout: RowLayout): Attention {
  const tables = ropeConstants(graph, config, layout)
  const { heads, kvHeads, headDim } = config
  const positions = layout.prefix + layout.branches * layout.length
  const rotate = (x: Value): Value =>
    reshape(rope(reshape(x, [batch, positions, x.dimension(1)]), tables), [batch * positions, x.dimension(1)])
  return (q, k, v) => causalAttention(rotate(q), rotate(k), v, { ...layout, batch, heads, kvHeads, headDim })
}

/** The angles of a row's positions: every branch goes on where the beginning ends. */
function ropeConstants(graph: Graph, config: ModelConfig, { prefix, branches, length }: RowLayout): RopeTables {
  const table = ropeTable(config, prefix + length)
  const half = config.headDim / 2
  const shape = [prefix + branches * length, half]
  const ofRow = (values: Float32Array): Float32Array => {
    const branch = values.subarray(prefix * half)
    const row = new Float32Array(sizeOf(shape))
    row.set(values.subarray(0, prefix * half))
    for (let i = 0; i < branches; i++) row.set(branch, (prefix + i * length) * half)
    return row
  }
  const sin = ofRow(table.sin)
  return {
    cos: graph.constant(ofRow(table.cos), shape),
    sin: graph.constant(sin, shape),
    negativeSin: graph.constant(
      sin.map((value) => -value),
      shape,
    ),
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
