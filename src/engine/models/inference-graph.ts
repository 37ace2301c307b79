/**
 * The forward pass for sampling: new tokens in, the next token's distribution out, keys and values kept in caches that
 * the caller owns. One graph serves prompts (T > 1, empty cache) and decoding (T = 1); batch size, T and cache length
 * are open (−1) and follow the buffers that are fed.
 *
 * Attention is ONNX Runtime's GroupQueryAttention, which writes new keys and values into the caches in place.
 * Nothing here is recorded for differentiation; weights are the same inputs, under the same names, as in training.
 */
import { ModelError } from '../../core/errors.ts'
import { Graph, MICROSOFT } from '../graph/graph.ts'
import { gatherRowsKernel, gemmKernel, mulKernel, siluKernel } from '../ops/kernels.ts'
import { EMBEDDING, FINAL_NORM, HEAD, layerLinears, layerPrefix, parameterSpecs } from './parameters.ts'
import type { Value } from '../graph/graph.ts'
import type { ModelConfig } from './config.ts'
import { quantise } from './quantise.ts'
import type { LinearSpec, ParameterStore } from './parameters.ts'

/** An open dimension. */
const OPEN = -1

/** Names of the inputs that are not weights. */
export const INFERENCE_INPUTS = {
  /** int64 [B, T]: token ids, right padded. */
  tokens: 'tokens_BT',
  /** int64 [3]: [B, T, −1]. */
  rows: 'rows_shape',
  /** int64 [B]: index of each row's last real token among the B·T tokens. */
  last: 'last_B',
  /** int32 [B]: tokens in the cache after this run, minus one. */
  lengths: 'lengths_B',
  /** int32 [1]: T for prompts, else the longest row of the cache after this run. */
  total: 'total',
  /** float32 [B, 1]: 1 / temperature. */
  inverseTemperature: 'inverse_temperature_B1',
  /** float32 [positions, headDim / 2]. */
  ropeCos: 'rope_cos',
  ropeSin: 'rope_sin',
} as const

/** Names of the outputs apart from the caches. */
export const INFERENCE_OUTPUTS = {
  /** float32 [B, V]: log-probabilities at temperature 1, nats. */
  logprobs: 'logprobs_BV',
  /** float32 [B, V]: probabilities at the row's temperature. */
  probabilities: 'probabilities_BV',
} as const

/** Names of a layer's caches, float32 [B, kvHeads, capacity, headDim]; each `present` shares the buffer of its `past`. */
export function cacheNames(layer: number): {
  pastKey: string
  pastValue: string
  presentKey: string
  presentValue: string
} {
  return {
    pastKey: `past_key.${layer}`,
    pastValue: `past_value.${layer}`,
    presentKey: `present_key.${layer}`,
    presentValue: `present_value.${layer}`,
  }
}

/** A serialised graph has at most 2 GiB (protobuf). */
const MOST_INT8_BYTES = 1.9 * 2 ** 30

/** Models of fewer weights hold them unless told otherwise; larger ones take a second and more to compile. */
export const MOST_PACKED = 16e6

/** Weights that are made part of the graph, which is then of these weights only. */
export interface HeldWeights {
  readonly parameters: ParameterStore
  /** float32: ONNX Runtime lays them out for its products once, not in every pass. int8: rounded. */
  readonly as: 'float32' | 'int8'
  /** Of int8 weights, at most 127. Default 127. */
  readonly largest?: number
}

/** Whether this parameter is held: the linear maps of the layers and an untied head. A tied head is held as a copy. */
export function isHeld(config: ModelConfig, name: string): boolean {
  if (name === HEAD) return true
  return /_proj\.(weight|bias)$/.test(name) && config.layers > 0
}

/**
 * @param held the weights that become part of the graph; absent: all are inputs, read where they lie in every pass
 * @throws ModelError for a head size that GroupQueryAttention cannot rotate, or too many weights for int8
 */
export function inferenceGraph(config: ModelConfig, held?: HeldWeights): Graph {
  if (config.headDim % 16 !== 0) {
    throw new ModelError(`sampling needs a head size that is a multiple of 16; this model has ${config.headDim}`)
  }
  const count = held?.parameters.parameterCount ?? 0
  if (held?.as === 'int8' && count > MOST_INT8_BYTES) {
    throw new ModelError(`sampling in int8 is for models of up to 2 billion weights; this one has ${count}`)
  }
  const builder = new InferenceBuilder(config, held)
  return builder.build()
}

interface Product extends Pick<LinearSpec, 'inputs' | 'outputs'> {
  /** Names, as many as there are weights, or none. */
  readonly biases?: readonly string[]
}

interface AttentionInputs {
  rows: Value
  lengths: Value
  total: Value
  ropeCos: Value
  ropeSin: Value
}

class InferenceBuilder {
  private readonly config: ModelConfig
  private readonly graph = new Graph()
  private readonly weights = new Map<string, Value>()
  private readonly inputs: AttentionInputs

  private readonly held: HeldWeights | undefined

  constructor(config: ModelConfig, held: HeldWeights | undefined) {
    this.config = config
    this.held = held
    const { graph } = this
    for (const { name, shape } of parameterSpecs(config)) {
      if (held === undefined || !isHeld(config, name)) this.weights.set(name, graph.input(name, shape))
    }
    this.inputs = {
      rows: graph.input(INFERENCE_INPUTS.rows, [3], 'int64'),
      lengths: graph.input(INFERENCE_INPUTS.lengths, [OPEN], 'int32'),
      total: graph.input(INFERENCE_INPUTS.total, [1], 'int32'),
      ropeCos: graph.input(INFERENCE_INPUTS.ropeCos, [OPEN, config.headDim / 2]),
      ropeSin: graph.input(INFERENCE_INPUTS.ropeSin, [OPEN, config.headDim / 2]),
    }
  }

  build(): Graph {
    const { graph, config } = this
    const tokens_BT = graph.input(INFERENCE_INPUTS.tokens, [OPEN, OPEN], 'int64')
    const tokens_N = this.reshape(tokens_BT, [OPEN], 'int64')
    let hidden_ND = gatherRowsKernel(this.weight(EMBEDDING), tokens_N)
    // Each block leaves its sum unadded; the next norm adds it, in one pass over memory.
    let pending_ND: Value | undefined
    for (let layer = 0; layer < config.layers; layer++) {
      const prefix = layerPrefix(layer)
      const before = this.norm(hidden_ND, pending_ND, `${prefix}.input_layernorm.weight`)
      const attended_ND = this.attention(before.normed, layer)
      const between = this.norm(before.sum, attended_ND, `${prefix}.post_attention_layernorm.weight`)
      pending_ND = this.feedForward(between.normed, layer)
      hidden_ND = between.sum
    }
    this.head(hidden_ND, pending_ND)
    return graph
  }

  private weight(name: string): Value {
    const value = this.weights.get(name)
    if (value === undefined) throw new Error(`inference graph: no weight ${name}`)
    return value
  }

  /** RMS norm of x + residual, and that sum. */
  private norm(x: Value, residual: Value | undefined, name: string): { normed: Value; sum: Value } {
    const epsilon = { epsilon: { float: this.config.rmsNormEps } }
    const weight = this.weight(name)
    const same = { shape: x.shape }
    if (residual === undefined) {
      const attributes = { axis: { int: -1 }, ...epsilon }
      return { normed: this.graph.op('SimplifiedLayerNormalization', [x, weight], same, attributes), sum: x }
    }
    const outputs = [same, undefined, undefined, same]
    const inputs = [x, residual, weight]
    const type = 'SkipSimplifiedLayerNormalization'
    const [normed, , , sum] = this.graph.opWithOutputs(type, inputs, outputs, epsilon, MICROSOFT)
    if (normed === undefined || sum === undefined) throw new Error('inference graph: the norm lost its outputs')
    return { normed, sum }
  }

  /** Linear maps of the same inputs, side by side: x [N, inputs] → [N, all their outputs]. Several only of held weights. */
  private linear(x: Value, ...specs: readonly (LinearSpec | undefined)[]): Value {
    const [first, ...others] = specs
    if (first === undefined || others.some((spec) => spec?.bias !== first.bias)) {
      throw new Error('inference graph: linear maps are missing, or only some have a bias')
    }
    const shape = { inputs: first.inputs, outputs: specs.reduce((sum, spec) => sum + (spec?.outputs ?? 0), 0) }
    const names = (kind: string): string[] => specs.map((spec) => `${spec?.name}.${kind}`)
    return this.product(x, names('weight'), { ...shape, biases: first.bias ? names('bias') : [] })
  }

  /** x [N, inputs] · weightsᵀ (+ biases [outputs]), in float32 or from int8 weights. */
  private product(x: Value, names: readonly string[], { inputs, outputs, biases = [] }: Product): Value {
    const { graph, held } = this
    if (held === undefined) {
      const [weight = '', bias] = [names[0], biases[0]]
      return gemmKernel(x, this.weight(weight), {
        transposeB: true,
        onto: bias === undefined ? undefined : this.weight(bias),
      })
    }
    const kept = (parts: readonly string[]): Float32Array => joined(parts.map((name) => held.parameters.get(name)))
    const onto = biases.length === 0 ? undefined : graph.constant(kept(biases), [outputs])
    if (held.as === 'float32') {
      return gemmKernel(x, graph.constant(kept(names), [outputs, inputs]), { transposeB: true, onto })
    }
    const { data, scales } = quantise(kept(names), { outputs, inputs }, held.largest ?? 127)
    const weight_IO = graph.constant(data, [inputs, outputs], 'int8')
    const scale_O = graph.constant(scales, [outputs])
    const operands = [x, weight_IO, scale_O, undefined, onto]
    return graph.op('DynamicQuantizeMatMul', operands, { shape: [OPEN, outputs] }, {}, MICROSOFT)
  }

  private attention(x_ND: Value, layer: number): Value {
    const [q, k, v, o] = layerLinears(this.config, layer)
    const mixed_BTQ = this.cachedAttention(this.projected(x_ND, [q, k, v], layer), layer)
    return this.linear(this.reshape(mixed_BTQ, [OPEN, this.config.heads * this.config.headDim]), o)
  }

  /** Queries, keys and values in rows; side by side from one product where the weights are held and no norm comes between. */
  private projected(x_ND: Value, linears: readonly (LinearSpec | undefined)[], layer: number): Value[] {
    if (this.held !== undefined && !this.config.qkNorm) return [this.toRows(this.linear(x_ND, ...linears))]
    const [q, k, v] = linears
    const prefix = `${layerPrefix(layer)}.self_attn`
    return [
      this.toRows(this.headNorm(this.linear(x_ND, q), `${prefix}.q_norm.weight`)),
      this.toRows(this.headNorm(this.linear(x_ND, k), `${prefix}.k_norm.weight`)),
      this.toRows(this.linear(x_ND, v)),
    ]
  }

  /** Qwen3 normalises every head of q and k. */
  private headNorm(x: Value, name: string): Value {
    if (!this.config.qkNorm) return x
    const perHead = this.reshape(x, [OPEN, this.config.headDim])
    return this.reshape(this.norm(perHead, undefined, name).normed, [OPEN, x.dimension(-1)])
  }

  /** @param projected queries, keys and values, or all three side by side */
  private cachedAttention([q, k, v]: readonly (Value | undefined)[], layer: number): Value {
    const { graph, config, inputs } = this
    if (q === undefined) throw new Error('inference graph: attention lacks queries')
    const names = cacheNames(layer)
    const cacheShape = [OPEN, config.kvHeads, OPEN, config.headDim]
    const pastKey = graph.input(names.pastKey, cacheShape)
    const pastValue = graph.input(names.pastValue, cacheShape)
    const [mixed, presentKey, presentValue] = graph.opWithOutputs(
      'GroupQueryAttention',
      [q, k, v, pastKey, pastValue, inputs.lengths, inputs.total, inputs.ropeCos, inputs.ropeSin],
      [{ shape: [OPEN, OPEN, config.heads * config.headDim] }, { shape: cacheShape }, { shape: cacheShape }],
      { num_heads: { int: config.heads }, kv_num_heads: { int: config.kvHeads }, do_rotary: { int: 1 } },
      MICROSOFT,
    )
    if (mixed === undefined || presentKey === undefined || presentValue === undefined) {
      throw new Error('inference graph: attention lost its outputs')
    }
    graph.output(names.presentKey, presentKey)
    graph.output(names.presentValue, presentValue)
    return mixed
  }

  private feedForward(x_ND: Value, layer: number): Value {
    const [, , , , gate, up, down] = layerLinears(this.config, layer)
    const [gate_NF, up_NF] = this.gateAndUp(x_ND, gate, up)
    const gated_NF = mulKernel(siluKernel(gate_NF), up_NF)
    return this.linear(gated_NF, down)
  }

  /** From one product where the weights are held: in int8 what goes in is then rounded once. */
  private gateAndUp(x_ND: Value, gate: LinearSpec | undefined, up: LinearSpec | undefined): [Value, Value] {
    if (this.held === undefined) return [this.linear(x_ND, gate), this.linear(x_ND, up)]
    const both = this.linear(x_ND, gate, up)
    const half = { shape: [OPEN, both.dimension(-1) / 2] }
    const attributes = { axis: { int: -1 }, num_outputs: { int: 2 } }
    const [gate_NF, up_NF] = this.graph.opWithOutputs('Split', [both], [half, half], attributes)
    if (gate_NF === undefined || up_NF === undefined) throw new Error('inference graph: the split lost its outputs')
    return [gate_NF, up_NF]
  }

  /** Only each row's last token needs logits. */
  private head(hidden_ND: Value, pending_ND: Value | undefined): void {
    const { graph, config } = this
    const last_B = graph.input(INFERENCE_INPUTS.last, [OPEN], 'int64')
    const pending_BD = pending_ND === undefined ? undefined : gatherRowsKernel(pending_ND, last_B)
    const { normed } = this.norm(gatherRowsKernel(hidden_ND, last_B), pending_BD, FINAL_NORM)
    const head = config.tieWordEmbeddings ? EMBEDDING : HEAD
    const logits_BV = this.product(normed, [head], { inputs: config.hiddenSize, outputs: config.vocabSize })
    const inverse_B1 = graph.input(INFERENCE_INPUTS.inverseTemperature, [OPEN, 1])
    const tempered_BV = graph.op('Mul', [logits_BV, inverse_B1], { shape: logits_BV.shape })
    const along = { axis: { int: -1 } }
    graph.output(INFERENCE_OUTPUTS.logprobs, graph.op('LogSoftmax', [logits_BV], { shape: logits_BV.shape }, along))
    graph.output(INFERENCE_OUTPUTS.probabilities, graph.op('Softmax', [tempered_BV], { shape: logits_BV.shape }, along))
  }

  private toRows(x: Value): Value {
    return this.graph.op('Reshape', [x, this.inputs.rows], { shape: [OPEN, OPEN, x.dimension(-1)] })
  }

  private reshape(x: Value, shape: readonly number[], dtype: 'float32' | 'int64' = 'float32'): Value {
    const target = this.graph.sharedConstant(shape, [shape.length], 'int64')
    return this.graph.op('Reshape', [x, target], { shape, dtype })
  }
}

/** The rows of several matrices of one width, one behind the other; one alone is not copied. */
function joined(parts: readonly Float32Array[]): Float32Array {
  const [first] = parts
  if (first !== undefined && parts.length === 1) return first
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
