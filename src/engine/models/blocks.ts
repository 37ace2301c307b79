/**
 * The building blocks of a decoder, shared by the training graph and the decoding graph. They know the families'
 * differences through the configuration alone, and neither batches nor caches: attention is handed in.
 */
import type { Graph, Value } from '../graph/graph.ts'
import { add, swiglu } from '../ops/elementwise.ts'
import { embedding } from '../ops/embedding.ts'
import { linear, linearOnto } from '../ops/linear.ts'
import { recomputed } from '../ops/recompute.ts'
import { rmsNorm } from '../ops/norm.ts'
import { reshape } from '../ops/shape.ts'
import type { ModelConfig } from './config.ts'
import { loraNames } from './lora.ts'
import type { LinearSpec } from './parameters.ts'
import { EMBEDDING, FINAL_NORM, HEAD, layerLinears, layerPrefix } from './parameters.ts'

export interface ModelContext {
  readonly graph: Graph
  readonly config: ModelConfig
  /** The graph's value of a parameter, by its Hugging Face name: an input or a constant, as the caller likes. */
  readonly parameter: (name: string) => Value
  /** Low-rank adapters on every linear layer, weighted by `scale` (alpha / rank). */
  readonly lora?: { readonly scale: number } | undefined
  /** Layers keep nothing but their input for the gradient. */
  readonly recompute?: boolean
}

/** Mixes positions: q [N, heads · headDim], k and v [N, kvHeads · headDim], before rotation → [N, heads · headDim]. */
export type Attention = (q: Value, k: Value, v: Value, layer: number) => Value

/** ids [N] (int32) → final hidden states [N, hiddenSize], normed: what the head reads. */
export function decoderBody(context: ModelContext, ids: Value, attention: Attention): Value {
  const { config, parameter } = context
  let hidden = embedding(parameter(EMBEDDING), ids)
  for (let layer = 0; layer < config.layers; layer++) {
    const run = (input: Value): Value => decoderLayer(context, layer, input, attention)
    hidden = context.recompute === true ? recomputed(hidden, run) : run(hidden)
  }
  return rmsNorm(hidden, parameter(FINAL_NORM), config.rmsNormEps)
}

/** The matrix of the output head [vocabSize, hiddenSize]; the embedding itself when tied. */
export function headWeight(context: ModelContext): Value {
  return context.parameter(context.config.tieWordEmbeddings ? EMBEDDING : HEAD)
}

/** Pre-norm attention and gated feed-forward, each added to the stream. hidden [N, hiddenSize] → the same shape. */
function decoderLayer(context: ModelContext, layer: number, hidden: Value, attention: Attention): Value {
  const [query, key, value, out, gate, up, down] = layerLinears(context.config, layer)
  if (!query || !key || !value || !out || !gate || !up || !down) throw new Error('decoder: a layer lacks a linear map')
  const prefix = layerPrefix(layer)
  const attended = norm(context, `${prefix}.input_layernorm`, hidden)
  const mixed = attention(
    headNorm(context, `${prefix}.self_attn.q_norm`, project(context, query, attended)),
    headNorm(context, `${prefix}.self_attn.k_norm`, project(context, key, attended)),
    project(context, value, attended),
    layer,
  )
  const stream = project(context, out, mixed, hidden)
  const fed = norm(context, `${prefix}.post_attention_layernorm`, stream)
  return project(context, down, swiglu(project(context, gate, fed), project(context, up, fed)), stream)
}

function norm(context: ModelContext, name: string, x: Value): Value {
  return rmsNorm(x, context.parameter(`${name}.weight`), context.config.rmsNormEps)
}

/** Qwen3's norm over each head; nothing for the others. x [N, heads · headDim]. */
function headNorm(context: ModelContext, name: string, x: Value): Value {
  const { qkNorm, headDim } = context.config
  if (!qkNorm) return x
  const perHead = reshape(x, [x.extent(0), x.dimension(1) / headDim, headDim])
  return reshape(norm(context, name, perHead), x.shape)
}

/** A linear layer with its bias and adapter, added onto `residual` if there is one. x [N, in] → [N, out]. */
function project(context: ModelContext, spec: LinearSpec, x: Value, residual?: Value): Value {
  const base = projectBase(context, spec, x, residual)
  if (context.lora === undefined) return base
  const names = loraNames(spec.name)
  const reduced = linear(x, context.parameter(names.a))
  return linearOnto(base, reduced, context.parameter(names.b), context.lora.scale)
}

function projectBase(context: ModelContext, spec: LinearSpec, x: Value, residual?: Value): Value {
  const weight = context.parameter(`${spec.name}.weight`)
  const bias = spec.bias ? context.parameter(`${spec.name}.bias`) : undefined
  if (residual === undefined) return linear(x, weight, bias)
  if (bias === undefined) return linearOnto(residual, x, weight)
  return add(residual, linear(x, weight, bias))
}
