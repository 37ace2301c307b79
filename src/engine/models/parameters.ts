/**
 * The parameters of a decoder: their names and shapes as Hugging Face stores them ([out, in]), and one flat buffer
 * that holds them all. Knows neither files nor graphs.
 */
import { ModelError } from '../../core/errors.ts'
import { rng } from '../../core/rng.ts'
import type { ModelConfig } from './config.ts'

/** What a parameter is, for its start value and for weight decay. */
type ParameterKind = 'matrix' | 'embedding' | 'norm' | 'bias'

export interface ParameterSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly kind: ParameterKind
}

export const EMBEDDING = 'model.embed_tokens.weight'
export const FINAL_NORM = 'model.norm.weight'
export const HEAD = 'lm_head.weight'

/** Where a projection sits: the parameter's name without `.weight` and `.bias`. */
export interface LinearSpec {
  readonly name: string
  readonly inputs: number
  readonly outputs: number
  readonly bias: boolean
}

/** The prefix of layer `layer`'s parameters. */
export function layerPrefix(layer: number): string {
  return `model.layers.${layer}`
}

/** The seven linear maps of a layer, in the order of the forward pass. */
export function layerLinears(config: ModelConfig, layer: number): LinearSpec[] {
  const { hiddenSize, intermediateSize, qkvBias, mlpBias } = config
  const queries = config.heads * config.headDim
  const keys = config.kvHeads * config.headDim
  const linear = (name: string, outputs: number, inputs: number, bias: boolean): LinearSpec => ({
    name: `${layerPrefix(layer)}.${name}`,
    inputs,
    outputs,
    bias,
  })
  return [
    linear('self_attn.q_proj', queries, hiddenSize, qkvBias),
    linear('self_attn.k_proj', keys, hiddenSize, qkvBias),
    linear('self_attn.v_proj', keys, hiddenSize, qkvBias),
    linear('self_attn.o_proj', hiddenSize, queries, config.outputBias),
    linear('mlp.gate_proj', intermediateSize, hiddenSize, mlpBias),
    linear('mlp.up_proj', intermediateSize, hiddenSize, mlpBias),
    linear('mlp.down_proj', hiddenSize, intermediateSize, mlpBias),
  ]
}

/** Every parameter of a model, in a fixed order. A tied head has no parameter of its own. */
export function parameterSpecs(config: ModelConfig): ParameterSpec[] {
  const { hiddenSize, vocabSize } = config
  const specs: ParameterSpec[] = [{ name: EMBEDDING, shape: [vocabSize, hiddenSize], kind: 'embedding' }]
  for (let layer = 0; layer < config.layers; layer++) specs.push(...layerSpecs(config, layer))
  specs.push({ name: FINAL_NORM, shape: [hiddenSize], kind: 'norm' })
  if (!config.tieWordEmbeddings) specs.push({ name: HEAD, shape: [vocabSize, hiddenSize], kind: 'matrix' })
  return specs
}

/** Number of weights of a model. */
export function countParameters(config: ModelConfig): number {
  return parameterSpecs(config).reduce((sum, spec) => sum + elements(spec), 0)
}

function layerSpecs(config: ModelConfig, layer: number): ParameterSpec[] {
  const prefix = layerPrefix(layer)
  const norm = (name: string, size: number): ParameterSpec => ({
    name: `${prefix}.${name}.weight`,
    shape: [size],
    kind: 'norm',
  })
  const specs = [norm('input_layernorm', config.hiddenSize)]
  for (const linear of layerLinears(config, layer)) {
    specs.push({ name: `${linear.name}.weight`, shape: [linear.outputs, linear.inputs], kind: 'matrix' })
    if (linear.bias) specs.push({ name: `${linear.name}.bias`, shape: [linear.outputs], kind: 'bias' })
  }
  specs.push(norm('post_attention_layernorm', config.hiddenSize))
  if (config.qkNorm) specs.push(norm('self_attn.q_norm', config.headDim), norm('self_attn.k_norm', config.headDim))
  return specs
}

/** Views start on 64-byte boundaries, as the kernels like it. */
const ALIGNMENT = 16

/** A typed array of Node 20 holds less than 2³² elements; a model of 7B parameters has more. */
const MOST_IN_BUFFER = 2 ** 31

/**
 * Named float32 tensors in one flat buffer, so that an optimizer walks one array and a copy is one copy; a model that is too
 * large for one is in several, each tensor within one of them. The padding between tensors is zero.
 */
export class ParameterStore {
  readonly specs: readonly ParameterSpec[]
  /** Elements, padding included. */
  readonly length: number
  private readonly buffers: readonly Float32Array[]
  private readonly views = new Map<string, Float32Array>()
  private readonly offsets = new Map<string, number>()

  /**
   * @param flat the buffer to use, of the length `ParameterStore.lengthOf(specs)`; default new ones of zeros
   * @param mostInBuffer elements, for tests
   */
  constructor(specs: readonly ParameterSpec[], flat?: Float32Array, mostInBuffer = MOST_IN_BUFFER) {
    this.specs = specs
    this.length = ParameterStore.lengthOf(specs)
    if (flat !== undefined && flat.length !== this.length) {
      throw new RangeError(`ParameterStore: the buffer has ${flat.length} elements, the parameters need ${this.length}`)
    }
    const parts = flat === undefined ? partsOf(specs, mostInBuffer) : [specs]
    this.buffers = parts.map((part) => flat ?? new Float32Array(ParameterStore.lengthOf(part)))
    let start = 0
    for (const [index, part] of parts.entries())
      start = this.place(part, this.buffers[index] ?? new Float32Array(), start)
  }

  private place(specs: readonly ParameterSpec[], buffer: Float32Array, start: number): number {
    let offset = 0
    for (const spec of specs) {
      this.views.set(spec.name, buffer.subarray(offset, offset + elements(spec)))
      this.offsets.set(spec.name, start + offset)
      offset += aligned(elements(spec))
    }
    return start + offset
  }

  /** All elements. Throws ModelError where they are in several buffers, as no optimizer's state of them is held either. */
  get flat(): Float32Array {
    const [first = new Float32Array(), ...others] = this.buffers
    if (others.length === 0) return first
    throw new ModelError(
      `the model has ${this.parameterCount} parameters, too many to train all of them here: train adapters (training.lora), or on a server`,
    )
  }

  /** Elements, padding included. */
  static lengthOf(specs: readonly ParameterSpec[]): number {
    return specs.reduce((sum, spec) => sum + aligned(elements(spec)), 0)
  }

  /** The live elements of a parameter. Throws ModelError when there is none of that name. */
  get(name: string): Float32Array {
    const view = this.views.get(name)
    if (view === undefined) throw new ModelError(`the model has no parameter ${name}`)
    return view
  }

  has(name: string): boolean {
    return this.views.has(name)
  }

  /** Where a parameter begins among all elements. */
  offsetOf(name: string): number {
    const offset = this.offsets.get(name)
    if (offset === undefined) throw new ModelError(`the model has no parameter ${name}`)
    return offset
  }

  /** Number of parameters, padding excluded. */
  get parameterCount(): number {
    return this.specs.reduce((sum, spec) => sum + elements(spec), 0)
  }

  /** A store of the same layout over `flat` (gradients, moments, a copy of the weights). */
  like(flat?: Float32Array): ParameterStore {
    return new ParameterStore(this.specs, flat)
  }

  clone(): ParameterStore {
    return this.like().copy(this)
  }

  /** Takes over the elements of a store of the same layout. */
  copy(other: ParameterStore): this {
    for (const { name } of this.specs) this.get(name).set(other.get(name))
    return this
  }
}

/** Parameters that follow each other, as many as a buffer holds. */
function partsOf(specs: readonly ParameterSpec[], mostInBuffer: number): ParameterSpec[][] {
  const parts: ParameterSpec[][] = [[]]
  for (const spec of specs) {
    const last = parts.at(-1) ?? []
    if (last.length > 0 && ParameterStore.lengthOf([...last, spec]) > mostInBuffer) parts.push([spec])
    else last.push(spec)
  }
  return parts
}

function elements(spec: ParameterSpec): number {
  return spec.shape.reduce((product, length) => product * length, 1)
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT
}

/** Fresh weights as transformers makes them: normal(0, `initializer_range`), norms 1, biases 0. Each tensor has a stream of its own. */
export function initParameters(config: ModelConfig, seed: number): ParameterStore {
  const store = new ParameterStore(parameterSpecs(config))
  for (const { name, kind } of store.specs) {
    const values = store.get(name)
    if (kind === 'norm') values.fill(1)
    if (kind === 'matrix' || kind === 'embedding') {
      const random = rng(seed, 'init', name)
      for (let i = 0; i < values.length; i++) values[i] = random.normal() * config.initializerRange
    }
  }
  return store
}
