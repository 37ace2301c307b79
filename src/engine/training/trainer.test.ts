import { describe, expect, it } from 'vitest'
import type { ModelConfig } from '../models/config.ts'
import type { ParameterStore } from '../models/parameters.ts'
import { FAMILIES, familyConfig, randomBatch, randomParameters } from '../testing/model-families.ts'
import type { Weights } from '../testing/reference-decoder.ts'
import { referenceLogprobs, toFloat64 } from '../testing/reference-decoder.ts'
import { Trainer } from './trainer.ts'
import type { TrainerOptions } from './trainer.ts'

const ONE_THREAD: TrainerOptions = { threads: 1 }

type Batch = ReturnType<typeof randomBatch>

/** −Σ weight · log-probability in float64. */
function referenceLoss(config: ModelConfig, weights: Weights, batch: Batch, loraScale = 0): number {
  return batch.sequences.reduce((loss, tokens, index) => {
    const logprobs = referenceLogprobs(config, weights, tokens, loraScale)
    return loss - logprobs.reduce((sum, value, t) => sum + value * (batch.weights[index]?.[t] ?? 0), 0)
  }, 0)
}

/**
 * The largest deviation of the accumulated gradient from central differences over some entries of every trainable
 * tensor, relative to the entry or to 1 % of the tensor's largest entry.
 */
function worstGradientError(
  trainer: Trainer,
  truth: { config: ModelConfig; weights: Map<string, Float64Array>; batch: Batch; loraScale?: number },
): number {
  let worst = 0
  for (const { name } of trainer.trainable.specs) {
    const gradient = trainer.gradient(name)
    const values = truth.weights.get(name) ?? new Float64Array()
    const largest = gradient.reduce((top, value) => Math.max(top, Math.abs(value)), 0)
    for (let k = 0; k < 8; k++) {
      const i = (k * 7919 + 13) % values.length
      const difference = centralDifference(values, i, () =>
        referenceLoss(truth.config, truth.weights, truth.batch, truth.loraScale),
      )
      const scale = Math.max(Math.abs(difference), 0.01 * largest)
      worst = Math.max(worst, Math.abs(difference - (gradient[i] ?? 0)) / scale)
    }
  }
  return worst
}

function centralDifference(values: Float64Array, index: number, loss: () => number): number {
  const kept = values[index] ?? 0
  const step = 1e-5
  values[index] = kept + step
  const above = loss()
  values[index] = kept - step
  const below = loss()
  values[index] = kept
  return (above - below) / (2 * step)
}

async function withTrainer<T>(
  config: ModelConfig,
  parameters: ParameterStore,
  options: TrainerOptions,
  use: (trainer: Trainer) => Promise<T>,
): Promise<T> {
  const trainer = new Trainer(config, parameters, { ...ONE_THREAD, ...options })
  try {
    return await use(trainer)
  } finally {
    await trainer.release()
  }
}

describe.each(Object.keys(FAMILIES))('Trainer on %s', (family) => {
  const config = familyConfig(family)
  const parameters = randomParameters(config, 1)
  const batch = randomBatch(config, 2)
  const weights = toFloat64(parameters)

  it('gives the log-probabilities of a float64 forward pass', async () => {
    const logprobs = await withTrainer(config, parameters, {}, (trainer) => trainer.logprobs(batch.sequences))
    batch.sequences.forEach((tokens, index) => {
      const expected = referenceLogprobs(config, weights, tokens)
      expect(logprobs[index]).toHaveLength(expected.length)
      expected.forEach((value, t) => expect(logprobs[index]?.[t]).toBeCloseTo(value, 4))
    })
  })

  it('accumulates the gradient of finite differences', async () => {
    await withTrainer(config, parameters, {}, async (trainer) => {
      await trainer.accumulate(batch.sequences, batch.weights)
      expect(worstGradientError(trainer, { config, weights, batch })).toBeLessThan(2e-3)
    })
  })

  it('differentiates adapters alone, by finite differences', async () => {
    const lora = { rank: 3, alpha: 6, seed: 4 }
    await withTrainer(config, parameters, { lora }, async (trainer) => {
      // At its start B is zero and the gradient of A with it: move away from there.
      trainer.trainable.flat.forEach((value, i) => (trainer.trainable.flat[i] = value + 0.1 * Math.sin(i)))
      const adapted = toFloat64(parameters, trainer.trainable)
      await trainer.accumulate(batch.sequences, batch.weights)
      const truth = { config, weights: adapted, batch, loraScale: 2 }
      expect(worstGradientError(trainer, truth)).toBeLessThan(2e-3)
    })
  })
})
