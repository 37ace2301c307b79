/** What a training step holds in memory, from the shapes alone. Pure. */
import type { ModelConfig } from '../models/config.ts'
import { loraSpecs } from '../models/lora.ts'
import { countParameters, layerLinears, ParameterStore } from '../models/parameters.ts'
import { causalBlocks } from '../ops/attention.ts'

/**
 * Bytes of a micro-batch that the layers keep for the gradient when nothing is recomputed: of each layer the residual
 * stream twice and normed twice, rotated queries, keys and values as the blocks of attention take them, the attention
 * weights, what attention gives, four tensors of the feed-forward layer, and the inner vectors of the adapters.
 */
export function activationBytes(
  config: ModelConfig,
  shape: { rows: number; length: number },
  loraRank: number,
): number {
  const { layers, hiddenSize, heads, kvHeads, headDim, intermediateSize } = config
  const { rows, length } = shape
  const ends = causalBlocks(length)
  const seen = ends.reduce((sum, end, i) => sum + (end - (ends[i - 1] ?? 0)) * end, 0) / length
  const prefixes = ends.reduce((sum, end) => sum + end, 0) / length
  const adapters = loraRank * layerLinears(config, 0).length
  const perPosition =
    4 * hiddenSize +
    4 * heads * headDim +
    2 * kvHeads * headDim * (1 + prefixes) +
    heads * seen +
    4 * intermediateSize +
    adapters
  return rows * length * layers * perPosition * Float32Array.BYTES_PER_ELEMENT
}

/** Of logits, log-probabilities and probabilities of one block of the head (`ops/head.ts`). */
const HEAD_BYTES = 3 * 128 * 2 ** 20
/** The gradient pass of a layer holds, beside what was kept, the gradients of about as much again. */
const GRADIENT_OF_LAYER = 1
/** Positions of a micro-batch, padding included; a longer sequence is one by itself. */
export const MICRO_BATCH_TOKENS = 1024
/** Of activations that are kept for the gradient, in bytes, before `recompute: auto` prefers to recompute them. */
const MOST_ACTIVATIONS = 4 * 2 ** 30

/** `true`, `false`, or by the size of the micro-batch. */
export type Recompute = boolean | 'auto'

/** Whether the layers of a micro-batch are computed a second time for the gradient. */
export function recomputes(
  config: ModelConfig,
  shape: { rows: number; length: number },
  { loraRank, recompute }: { loraRank: number; recompute: Recompute },
): boolean {
  return recompute === 'auto' ? activationBytes(config, shape, loraRank) > MOST_ACTIVATIONS : recompute
}

/** What is to be trained, and on what. */
export interface TrainingUse {
  /** Of the adapters; 0: all weights are trained. */
  readonly loraRank: number
  /** Tokens of the longest sequence. Default: those of a micro-batch. */
  readonly maxLength?: number
  /** Default `auto`. */
  readonly recompute?: Recompute
  /** Whether sequences with a common beginning share a row, which may then be twice as long. Default false. */
  readonly sharePrefixes?: boolean
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
  const length = longestRow(config, use)
  return [
    ...(loraRank === 0 ? [] : [['adapters', adapters] as const, ['merged weights', weights] as const]),
    ['gradients', trained],
    ["Adam's moments", 2 * trained],
    ['activations', stepBytes(config, length, use)],
    ['logits', Math.min(HEAD_BYTES, 3 * float * length * config.vocabSize)],
  ]
}

function longestRow(
  { maxPositions }: ModelConfig,
  { maxLength = MICRO_BATCH_TOKENS, sharePrefixes }: TrainingUse,
): number {
  const longest = Math.min(maxLength, maxPositions)
  return Math.max(MICRO_BATCH_TOKENS, sharePrefixes === true ? 2 * longest : longest)
}

/** Activations and their gradients at the worst moment of a pass over at most `length` positions. */
function stepBytes(config: ModelConfig, length: number, { loraRank, recompute = 'auto' }: TrainingUse): number {
  const shape = { rows: 1, length }
  const kept = activationBytes(config, shape, loraRank)
  const layer = kept / config.layers
  const whole = (activations: number): number => activations * (1 + GRADIENT_OF_LAYER / config.layers)
  if (!recomputes(config, shape, { loraRank, recompute })) return whole(kept)
  const inputs = length * config.hiddenSize * config.layers * Float32Array.BYTES_PER_ELEMENT
  const again = inputs + (1 + GRADIENT_OF_LAYER) * layer
  return recompute === 'auto' ? Math.max(again, whole(MOST_ACTIVATIONS)) : again
}
