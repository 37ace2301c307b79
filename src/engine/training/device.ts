/** Whether a device computes what the processor does: a small model's log-probabilities and gradients on both. */
import { errorMessage, ModelError } from '../../core/errors.ts'
import { parseModelConfig } from '../models/config.ts'
import { initParameters } from '../models/parameters.ts'
import type { Device } from '../runtime/executable.ts'
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
  max_position_embeddings: 64,
  tie_word_embeddings: false,
  initializer_range: 0.2,
})
/** Of the largest entry. */
const TOLERANCE = 1e-3

/** @throws {ModelError} when there is no such device, or it computes something else; says which */
export async function requireDevice(device: Device = 'cpu'): Promise<void> {
  if (device === 'cpu') return
  const [expected, found] = [await computeOn('cpu'), await computeOn(device)]
  for (const what of ['log-probabilities', 'gradients'] as const) {
    const error = relativeError(found[what], expected[what])
    if (error <= TOLERANCE) continue
    throw new ModelError(
      `training.device: ${device} computes other ${what} than the processor (apart by ${error.toExponential(1)} of the largest): use cpu`,
    )
  }
}

interface Computed {
  'log-probabilities': Float32Array
  gradients: Float32Array
}

async function computeOn(device: Device): Promise<Computed> {
  const trainer = new Trainer(SMALL, initParameters(SMALL, 1), { threads: 1, device })
  const tokens = Array.from({ length: 40 }, (_, i) => (i * i + 5 * i) % SMALL.vocabSize)
  try {
    const [logprobs = new Float32Array()] = await trainer.accumulate([tokens], [tokens.slice(1).map(() => 1)])
    const gradients = new Float32Array(trainer.trainable.flat.length)
    trainer.exportGradient(gradients)
    return { 'log-probabilities': logprobs.slice(), gradients }
  } catch (error) {
    throw new ModelError(
      `training.device: ${device} cannot be used here (${lastSentence(error)}): use cpu, or install a driver`,
      { cause: error },
    )
  } finally {
    await trainer.release()
  }
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
