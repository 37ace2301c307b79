/** Whether a device computes what the processor does: a small model's log-probabilities and gradients on both. */
import { errorMessage, ModelError } from '../../core/errors.ts'
import { parseModelConfig } from '../models/config.ts'
import { initParameters } from '../models/parameters.ts'
import type { Device } from '../runtime/executable.ts'
import type { Recompute, SharePrefixes } from './memory.ts'
import { Trainer } from './trainer.ts'

export type { Device } from '../runtime/executable.ts'

/** Every kind of layer that a decoder can have: grouped heads, norms of heads, a head of its own. */
const SMALL = parseModelConfig({
  architectures: ['Qwen3ForCausalLM'],
  vocab_size: 96,
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  intermediate_size: 48,
  max_position_embeddings: 256,
  tie_word_embeddings: false,
  initializer_range: 0.2,
})
/** Of the largest entry. */
const TOLERANCE = 1e-3

/** Elements of logits at a time: as real vocabularies, this one takes several blocks. */
const MAX_LOGITS = 128 * SMALL.vocabSize
/** Long enough that attention takes several blocks of what is shared and of what is not, and too odd to need no padding. */
const [LENGTH, SHARED] = [200, 100]
/** Two that begin alike, and one by itself. */
export const SEQUENCES = [
  tokensOf(LENGTH, 5),
  [...tokensOf(SHARED, 5), ...tokensOf(LENGTH, 6).slice(SHARED)],
  tokensOf(40, 7),
]

/** What of the settings decides which graphs are computed. */
export interface DeviceUse {
  /** Default false: the weights are trained. */
  readonly lora?: false | { readonly rank: number }
  /** Default `auto`: the size of a micro-batch decides, and both ways are checked. */
  readonly recompute?: Recompute
  /** Default false. */
  readonly sharePrefixes?: SharePrefixes
}
type OneWay = DeviceUse & { readonly recompute: boolean }

/** By what it is called in a message. */
export interface Computed {
  'log-probabilities': Float32Array
  gradients: Float32Array
}

/**
 * Trains a small model as the settings would train theirs, for one pass on the device and on the processor.
 * @param compute for tests
 * @throws {ModelError} when there is no such device, or it computes something else; says which
 */
export async function requireDevice(
  device: Device = 'cpu',
  use: DeviceUse = {},
  compute: (device: Device, use: OneWay) => Promise<Computed> = computeOn,
): Promise<void> {
  if (device === 'cpu') return
  const { recompute = 'auto' } = use
  for (const again of recompute === 'auto' ? [false, true] : [recompute]) {
    const way = { ...use, recompute: again }
    const [expected, found] = [await compute('cpu', way), await compute(device, way)]
    for (const what of ['log-probabilities', 'gradients'] as const) {
      const error = relativeError(found[what], expected[what])
      if (error <= TOLERANCE) continue
      throw new ModelError(
        `training.device: ${device} computes other ${what} than the processor (apart by ${error.toExponential(1)} of the largest): use cpu`,
      )
    }
  }
}

/** Of `SEQUENCES`, under the settings of `use`. */
export async function computeOn(
  device: Device,
  { lora = false, sharePrefixes = false, recompute }: OneWay,
): Promise<Computed> {
  const adapters = lora !== false && { rank: lora.rank, alpha: lora.rank, seed: 1 }
  const options = { threads: 1, device, sharePrefixes, recompute, lora: adapters, maxLogits: MAX_LOGITS }
  const trainer = new Trainer(SMALL, initParameters(SMALL, 1), options)
  // Fresh adapters add nothing, and half of them have no gradient.
  if (lora !== false) trainer.trainable.flat.forEach((value, i, flat) => (flat[i] = value + 0.05 * Math.sin(i)))
  const weights = SEQUENCES.map((tokens, i) => tokens.slice(1).map((_, t) => (i === 1 ? -1 : 1) + (t % 3) / 4))
  try {
    const logprobs = await trainer.accumulate(SEQUENCES, weights)
    const gradients = new Float32Array(trainer.trainable.flat.length)
    trainer.exportGradient(gradients)
    return { 'log-probabilities': Float32Array.from(logprobs.flatMap((row) => [...row])), gradients }
  } catch (error) {
    throw new ModelError(
      `training.device: ${device} cannot be used here (${lastSentence(error)}): use cpu, or install a driver`,
      { cause: error },
    )
  } finally {
    await trainer.release()
  }
}

function tokensOf(length: number, step: number): number[] {
  return Array.from({ length }, (_, i) => (i * i + step * i) % SMALL.vocabSize)
}

/** ONNX Runtime begins with a place in its source and the condition that failed. */
function lastSentence(error: unknown): string {
  const message = errorMessage(error).trim()
  return message.split(/(?<=\.) /).at(-1) ?? message
}

/** Infinite where something is no number. */
function relativeError(found: Float32Array, expected: Float32Array): number {
  let [largest, worst] = [0, 0]
  for (const [i, value] of expected.entries()) {
    largest = Math.max(largest, Math.abs(value))
    const error = Math.abs((found[i] ?? NaN) - value)
    worst = Number.isNaN(error) ? Infinity : Math.max(worst, error)
  }
  return worst / largest
}
