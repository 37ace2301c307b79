import { describe, expect, it } from 'vitest'
import { rng } from '../../core/rng.ts'
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
 * For every trainable tensor, its gradient along a random direction of ±1 against the central difference along it; the
 * largest deviation, relative to the gradient's norm.
 */
function worstGradientError(
  trainer: Trainer,
  truth: { config: ModelConfig; weights: Map<string, Float64Array>; batch: Batch; loraScale?: number },
): number {
  const errors = trainer.trainable.specs.map(({ name }) => {
    const gradient = trainer.gradient(name)
    const random = rng(6, name)
    const direction = Float64Array.from(gradient, () => (random.uniform() < 0.5 ? -1 : 1))
    const values = truth.weights.get(name) ?? new Float64Array()
    const expected = centralDifference(values, direction, () =>
      referenceLoss(truth.config, truth.weights, truth.batch, truth.loraScale),
    )
    const actual = gradient.reduce((sum, value, i) => sum + value * (direction[i] ?? Number.NaN), 0)
    return Math.abs(expected - actual) / Math.hypot(...gradient)
  })
  return Math.max(...errors)
}

function centralDifference(values: Float64Array, direction: Float64Array, loss: () => number): number {
  const kept = values.slice()
  const step = 1e-6
  const at = (scale: number): number => {
    values.set(kept.map((value, i) => value + scale * (direction[i] ?? Number.NaN)))
    return loss()
  }
  const slope = (at(step) - at(-step)) / (2 * step)
  values.set(kept)
  return slope
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

/** The head in three blocks of rows for the longest sequence, the layers computed twice. */
const WAYS: Readonly<Record<string, TrainerOptions>> = {
  'all at once': {},
  'with the logits in blocks': { maxLogits: 19 * 6 },
  'with the layers recomputed': { recompute: true },
  'with both': { maxLogits: 19 * 6, recompute: true },
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

  it.each(Object.entries(WAYS))('accumulates the gradient of finite differences, %s', async (_way, options) => {
    await withTrainer(config, parameters, options, async (trainer) => {
      await trainer.accumulate(batch.sequences, batch.weights)
      expect(worstGradientError(trainer, { config, weights, batch })).toBeLessThan(2e-5)
    })
  })

  it.each(Object.entries(WAYS))('differentiates adapters alone, by finite differences, %s', async (_way, options) => {
    const lora = { rank: 3, alpha: 6, seed: 4 }
    await withTrainer(config, parameters, { ...options, lora }, async (trainer) => {
      // At its start B is zero and the gradient of A with it: move away from there.
      trainer.trainable.flat.forEach((value, i) => (trainer.trainable.flat[i] = value + 0.1 * Math.sin(i)))
      const adapted = toFloat64(parameters, trainer.trainable)
      await trainer.accumulate(batch.sequences, batch.weights)
      const truth = { config, weights: adapted, batch, loraScale: 2 }
      expect(worstGradientError(trainer, truth)).toBeLessThan(2e-5)
    })
  })
})
