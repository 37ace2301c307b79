/**
 * A decoder in plain float64 JavaScript, written from the papers and independent of the graph: the truth for tests.
 * One position at a time, no batches, no tricks.
 */
import type { ModelConfig } from '../models/config.ts'
import type { ParameterStore } from '../models/parameters.ts'

export type Weights = ReadonlyMap<string, Float64Array>

export function toFloat64(...stores: readonly ParameterStore[]): Map<string, Float64Array> {
  return new Map(
    stores.flatMap((store) => store.specs.map(({ name }) => [name, Float64Array.from(store.get(name))] as const)),
  )
}

function weight(weights: Weights, name: string): Float64Array {
  const values = weights.get(name)
  if (values === undefined) throw new Error(`reference: no ${name}`)
  return values
}

/** matrix [rows, n] · x [n]. */
function multiply(matrix: Float64Array, x: readonly number[]): number[] {
  const columns = x.length
  return Array.from({ length: matrix.length / columns }, (_, row) => {
    let sum = 0
    for (let c = 0; c < columns; c++) sum += (matrix[row * columns + c] ?? Number.NaN) * (x[c] ?? Number.NaN)
    return sum
  })
}

function at(values: ArrayLike<number>, index: number): number {
  const value = values[index]
  if (value === undefined) throw new Error(`reference: index ${index} of ${values.length}`)
  return value
}

function rmsNorm(x: readonly number[], scale: Float64Array, eps: number): number[] {
  const mean = x.reduce((sum, value) => sum + value * value, 0) / x.length
  return x.map((value, i) => (value / Math.sqrt(mean + eps)) * at(scale, i))
}

function frequency(config: ModelConfig, i: number): number {
  const base = 1 / config.ropeTheta ** ((2 * i) / config.headDim)
  const scaling = config.ropeScaling
  if (scaling === undefined) return base
  const wavelength = (2 * Math.PI) / base
  const { originalMaxPositions: original, factor, lowFreqFactor: low, highFreqFactor: high } = scaling
  if (wavelength > original / low) return base / factor
  if (wavelength < original / high) return base
  const smooth = (original / wavelength - low) / (high - low)
  return (1 - smooth) * (base / factor) + smooth * base
}

function rotate(x: readonly number[], position: number, config: ModelConfig): number[] {
  const half = config.headDim / 2
  return x.map((value, i) => {
    const angle = position * frequency(config, i % half)
    const other = i < half ? -at(x, i + half) : at(x, i - half)
    return value * Math.cos(angle) + other * Math.sin(angle)
  })
}

function softmax(scores: readonly number[]): number[] {
  const top = Math.max(...scores)
  const exps = scores.map((score) => Math.exp(score - top))
  const total = exps.reduce((a, b) => a + b, 0)
  return exps.map((value) => value / total)
}

function split(x: readonly number[], size: number): number[][] {
  return Array.from({ length: x.length / size }, (_, i) => x.slice(i * size, (i + 1) * size))
}

interface Layer {
  readonly config: ModelConfig
  readonly weights: Weights
  readonly prefix: string
  readonly loraScale: number
}

function project(layer: Layer, name: string, x: readonly number[]): number[] {
  const full = `${layer.prefix}.${name}`
  const y = multiply(weight(layer.weights, `${full}.weight`), x)
  const bias = layer.weights.get(`${full}.bias`)
  const down = layer.weights.get(`${full}.lora_A.weight`)
  const up = layer.weights.get(`${full}.lora_B.weight`)
  const extra = down && up ? multiply(up, multiply(down, x)) : undefined
  return y.map((value, i) => value + (bias ? at(bias, i) : 0) + (extra ? layer.loraScale * at(extra, i) : 0))
}

function heads(layer: Layer, name: 'q' | 'k', x: readonly number[], position: number): number[][] {
  const { config, weights, prefix } = layer
  return split(project(layer, `self_attn.${name}_proj`, x), config.headDim).map((head) => {
    const scale = config.qkNorm ? weight(weights, `${prefix}.self_attn.${name}_norm.weight`) : undefined
    return rotate(scale ? rmsNorm(head, scale, config.rmsNormEps) : head, position, config)
  })
}

function attention(layer: Layer, inputs: readonly (readonly number[])[]): number[][] {
  const { config } = layer
  const q = inputs.map((x, t) => heads(layer, 'q', x, t))
  const k = inputs.map((x, t) => heads(layer, 'k', x, t))
  const v = inputs.map((x) => split(project(layer, 'self_attn.v_proj', x), config.headDim))
  return inputs.map((_, t) => {
    const mixed = Array.from({ length: config.heads }, (_unused, h) => {
      const kv = Math.floor(h / (config.heads / config.kvHeads))
      const query = q[t]?.[h] ?? []
      const scores = k.slice(0, t + 1).map((keys) => {
        const key = keys[kv] ?? []
        return query.reduce((sum, value, i) => sum + value * at(key, i), 0) / Math.sqrt(config.headDim)
      })
      const probabilities = softmax(scores)
      return Array.from({ length: config.headDim }, (_u, i) =>
        probabilities.reduce((sum, p, s) => sum + p * at(v[s]?.[kv] ?? [], i), 0),
      )
    })
    return project(layer, 'self_attn.o_proj', mixed.flat())
  })
}

function feedForward(layer: Layer, x: readonly number[]): number[] {
  const gate = project(layer, 'mlp.gate_proj', x)
  const up = project(layer, 'mlp.up_proj', x)
  return project(
    layer,
    'mlp.down_proj',
    gate.map((g, i) => (g / (1 + Math.exp(-g))) * at(up, i)),
  )
}

function plus(a: readonly number[], b: readonly number[] | undefined): number[] {
  return a.map((value, i) => value + at(b ?? [], i))
}

/** Log-probabilities of tokens 2 … n. `loraScale`: weight of adapters found among the weights. */
export function referenceLogprobs(
  config: ModelConfig,
  weights: Weights,
  tokens: readonly number[],
  loraScale = 0,
): number[] {
  const table = weight(weights, 'model.embed_tokens.weight')
  const d = config.hiddenSize
  let stream: number[][] = tokens.slice(0, -1).map((token) => [...table.subarray(token * d, (token + 1) * d)])
  for (let index = 0; index < config.layers; index++) {
    const layer = { config, weights, prefix: `model.layers.${index}`, loraScale }
    const norm = (name: string, x: readonly number[]): number[] =>
      rmsNorm(x, weight(weights, `${layer.prefix}.${name}.weight`), config.rmsNormEps)
    const mixed = attention(
      layer,
      stream.map((x) => norm('input_layernorm', x)),
    )
    stream = stream.map((x, t) => plus(x, mixed[t]))
    stream = stream.map((x) => plus(x, feedForward(layer, norm('post_attention_layernorm', x))))
  }
  const head = config.tieWordEmbeddings ? table : weight(weights, 'lm_head.weight')
  return stream.map((x, t) => {
    const logits = multiply(head, rmsNorm(x, weight(weights, 'model.norm.weight'), config.rmsNormEps))
    const top = Math.max(...logits)
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0)
    return at(logits, at(tokens, t + 1)) - top - Math.log(total)
  })
}
