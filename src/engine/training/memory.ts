/** What a training step holds in memory, from the shapes alone. Pure. */
import type { ModelConfig } from '../models/config.ts'
import { loraSpecs } from '../models/lora.ts'
import { countParameters, layerLinears, ParameterStore } from '../models/parameters.ts'
import { causalBlocks } from '../ops/attention.ts'

/** What one pass works on. */
export interface PassSize {
  readonly tokens: number
  /** Rows of `length` positions for attention. */
  readonly rows: number
  readonly length: number
}

/**
 * Bytes of a micro-batch that the layers keep for the gradient when nothing is recomputed. For each token and layer: the
 * residual stream twice and normed twice, what attention gives, four tensors of the feed-forward layer, and the inner vectors
 * of the adapters. For each place in a row: queries, keys and values whole and as the blocks of attention take them, the
 * attention weights, and what the blocks give.
 */
export function activationBytes(config: ModelConfig, { tokens, rows, length }: PassSize, loraRank: number): number {
  const { layers, hiddenSize, heads, kvHeads, headDim, intermediateSize } = config
  const ends = causalBlocks(length)
  const prefixes = ends.reduce((sum, end) => sum + end, 0) / length
  const adapters = loraRank * layerLinears(config, 0).length
  const perToken = 4 * hiddenSize + heads * headDim + 4 * intermediateSize + adapters
  const perPlace = 3 * heads * headDim + 2 * kvHeads * headDim * (1 + prefixes)
  const inLayer = (tokens * perToken + rows * length * perPlace) * Float32Array.BYTES_PER_ELEMENT
  return layers * (inLayer + attentionWeightBytes(config, { rows, length }))
}

/** Of one layer: the weights of the keys up to the end of each block of queries. */
function attentionWeightBytes({ heads }: ModelConfig, { rows, length }: Pick<PassSize, 'rows' | 'length'>): number {
  const seen = causalBlocks(length).reduce((sum, end, i, ends) => sum + (end - (ends[i - 1] ?? 0)) * end, 0)
  return rows * heads * seen * Float32Array.BYTES_PER_ELEMENT
}

/** Of logits, log-probabilities and probabilities of one block of the head (`ops/head.ts`). */
const HEAD_BYTES = 3 * 128 * 2 ** 20
/** The gradient pass of a layer holds, beside what was kept, the gradients of about as much again. */
const GRADIENT_OF_LAYER = 1
/**
 * Of a layer that is computed twice, as measured over long sequences (`bench/engine-memory.ts`, 4,096 and 6,144 tokens): the
 * allocator holds some times the layers' inputs, between which it cannot give back what was freed, and one copy more of the
 * attention weights than the gradient needs.
 */
const HELD_BETWEEN_INPUTS = 5
const MORE_WEIGHTS = 1.1
/** Places in rows of a micro-batch, padding included; a longer sequence is one by itself. */
export const MICRO_BATCH_TOKENS = 1024
/** Of activations that are kept between log-probabilities and the gradient of the same sequences, in bytes. */
export const KEPT_BYTES = 256 * 2 ** 20
/** Sequences with a common beginning may have so many times more places, as their tokens are fewer. */
export const SHARED_PLACES = 4
/** Of activations that are kept for the gradient, in bytes, before `recompute: auto` prefers to recompute them. */
const MOST_ACTIVATIONS = 4 * 2 ** 30

/** Whether common beginnings are computed once: never, where a micro-batch has room for all, or also of longer sequences. */
export type SharePrefixes = boolean | 'short'

/** `true`, `false`, or by the size of the micro-batch. */
export type Recompute = boolean | 'auto'

/** Whether the layers of a micro-batch are computed a second time for the gradient. */
export function recomputes(
  config: ModelConfig,
  size: PassSize,
  { loraRank, recompute }: { loraRank: number; recompute: Recompute },
): boolean {
  return recompute === 'auto' ? activationBytes(config, size, loraRank) > MOST_ACTIVATIONS : recompute
}

/** What is to be trained, and on what. */
export interface TrainingUse {
  /** Of the adapters; 0: all weights are trained. */
  readonly loraRank: number
  /** Tokens of the longest sequence. Default: those of a micro-batch. */
  readonly maxLength?: number
  /** Default `auto`. */
  readonly recompute?: Recompute
  /** Whether sequences with a common beginning are computed together, long ones too, which may take as much as two apart. Default false. */
  readonly sharePrefixes?: SharePrefixes
}

/** Named parts, in bytes. */
export type MemoryParts = readonly (readonly [name: string, bytes: number])[]

/**
 * What training takes beside the weights, at most, whatever the lengths of the sequences: with `recompute: auto` one that is
 * just short enough to be kept can take more than the longest. The merged weights are those that are sampled or saved.
 */
export function trainingMemory(config: ModelConfig, use: TrainingUse): MemoryParts {
  const float = Float32Array.BYTES_PER_ELEMENT
  const { loraRank } = use
  const weights = float * countParameters(config)
  const adapters = loraRank === 0 ? 0 : float * ParameterStore.lengthOf(loraSpecs(config, loraRank))
  const trained = loraRank === 0 ? weights : adapters
  const size = largestPass(config, use)
  return [
    ...(loraRank === 0 ? [] : [['adapters', adapters] as const, ['merged weights', weights] as const]),
    ['gradients', trained],
    ["Adam's moments", 2 * trained],
    ['activations', stepBytes(config, size, use)],
    ['kept activations', KEPT_BYTES],
    ['logits', Math.min(HEAD_BYTES, 3 * float * size.tokens * config.vocabSize)],
  ]
}

function largestPass(
  { maxPositions }: ModelConfig,
  { maxLength = MICRO_BATCH_TOKENS, sharePrefixes = false }: TrainingUse,
): PassSize {
  const longest = Math.min(maxLength, maxPositions)
  if (sharePrefixes !== true) {
    const length = Math.max(MICRO_BATCH_TOKENS, longest)
    return { tokens: length, rows: 1, length }
  }
  const rows = Math.max(2, (SHARED_PLACES * MICRO_BATCH_TOKENS) / longest)
  return { tokens: Math.max(MICRO_BATCH_TOKENS, 2 * longest), rows, length: longest }
}

/** Activations and their gradients at the worst moment of a pass. */
function stepBytes(config: ModelConfig, size: PassSize, { loraRank, recompute = 'auto' }: TrainingUse): number {
  const kept = activationBytes(config, size, loraRank)
  const layer = kept / config.layers
  const whole = (activations: number): number => activations * (1 + GRADIENT_OF_LAYER / config.layers)
  if (!recomputes(config, size, { loraRank, recompute })) return whole(kept)
  const inputs = size.tokens * config.hiddenSize * config.layers * Float32Array.BYTES_PER_ELEMENT
  const again =
    HELD_BETWEEN_INPUTS * inputs + (1 + GRADIENT_OF_LAYER) * layer + MORE_WEIGHTS * attentionWeightBytes(config, size)
  return recompute === 'auto' ? Math.max(again, whole(MOST_ACTIVATIONS)) : again
}
