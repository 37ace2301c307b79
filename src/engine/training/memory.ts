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

/**
 * Bytes of weights, adapters, their gradient and the micro-batch while a gradient is taken; Adam's moments, twice the
 * trained parameters, come on top. An estimate: what the process itself takes is not in it.
 */
export function trainingBytes(
  config: ModelConfig,
  shape: { rows: number; length: number },
  { loraRank, recompute }: { loraRank: number; recompute: boolean },
): number {
  const float = Float32Array.BYTES_PER_ELEMENT
  const parameters = countParameters(config)
  const adapters = loraRank === 0 ? 0 : ParameterStore.lengthOf(loraSpecs(config, loraRank))
  const trained = loraRank === 0 ? parameters : adapters
  const kept = activationBytes(config, shape, loraRank)
  const layer = kept / config.layers
  const inputs = shape.rows * shape.length * config.hiddenSize * config.layers * float
  const activations = (recompute ? inputs + layer : kept) + GRADIENT_OF_LAYER * layer
  const logits = Math.min(HEAD_BYTES, 3 * float * shape.rows * shape.length * config.vocabSize)
  return (parameters + adapters + trained) * float + activations + logits
}
