/** What the trainer does besides arithmetic: accumulation, batching, state, adapters, refusals. */
import { describe, expect, it } from 'vitest'
import { InputError, ModelError, NumericalError } from '../../core/errors.ts'
import { rng } from '../../core/rng.ts'
import { familyConfig, randomBatch, randomParameters } from '../testing/model-families.ts'
import { Trainer } from './trainer.ts'
import type { TrainerOptions } from './trainer.ts'

const config = familyConfig('Qwen2, tied, qkv bias')
const batch = randomBatch(config, 2)
const ADAM = { learningRate: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 0 }
const LORA = { rank: 2, alpha: 4, seed: 5 }

function makeTrainer(options: TrainerOptions = {}): Trainer {
  return new Trainer(config, randomParameters(config, 1), { threads: 1, ...options })
}

function allGradients(trainer: Trainer): Float32Array {
  return Float32Array.from(trainer.trainable.specs.flatMap(({ name }) => [...trainer.gradient(name)]))
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a).toHaveLength(b.length)
  return a.reduce((top, value, i) => Math.max(top, Math.abs(value - (b[i] ?? Number.NaN))), 0)
}

describe('Trainer', () => {
  it('sums gradients over calls, however the sequences are batched', async () => {
    const whole = makeTrainer()
    await whole.accumulate(batch.sequences, batch.weights)
    const pieces = makeTrainer({ maxTokensPerMicroBatch: 16 })
    await pieces.accumulate(batch.sequences.slice(0, 1), batch.weights.slice(0, 1))
    await pieces.accumulate(batch.sequences.slice(1), batch.weights.slice(1))
    const gradients = allGradients(whole)
    expect(largestDifference(gradients, allGradients(pieces))).toBeLessThan(1e-4)
    expect(gradients.some((value) => Math.abs(value) > 0.1)).toBe(true)
    await Promise.all([whole.release(), pieces.release()])
  })

  it('gives pairs with a common beginning, computed once, the gradient and log-probabilities of each alone', async () => {
    const { sequences, weights } = randomBatch(config, 3, [44, 30, 51, 60, 23, 47, 6])
    // Pairs whose beginnings are of unequal length, three of a kind, and one that shares nothing.
    const beginning = (from: number, to: number, count: number): void => {
      sequences[to]?.splice(0, count, ...(sequences[from] ?? []).slice(0, count))
    }
    beginning(0, 1, 21)
    beginning(2, 3, 40)
    beginning(2, 4, 22)
    beginning(2, 5, 39)
    for (const lora of [false, LORA] as const) {
      const [alone, shared] = await Promise.all(
        [false, true].map(async (sharePrefixes) => {
          const trainer = makeTrainer({ sharePrefixes, lora })
          trainer.trainable.flat.forEach((value, i) => (trainer.trainable.flat[i] = value + 0.05 * Math.sin(i)))
          const logprobs = await trainer.accumulate(sequences, weights)
          const forward = await trainer.logprobs(sequences)
          const gradients = allGradients(trainer)
          await trainer.release()
          return { logprobs, forward, gradients }
        }),
      )
      sequences.forEach((tokens, i) => {
        const expected = alone?.logprobs[i] ?? new Float32Array()
        expect(expected).toHaveLength(tokens.length - 1)
        for (const got of [shared?.logprobs[i], shared?.forward[i]]) {
          expect(largestDifference(expected, got ?? new Float32Array())).toBeLessThan(2e-5)
        }
      })
      const scale = Math.hypot(...(alone?.gradients ?? []))
      expect(scale).toBeGreaterThan(1)
      const worst = largestDifference(alone?.gradients ?? new Float32Array(), shared?.gradients ?? new Float32Array())
      expect(worst / scale).toBeLessThan(2e-6)
    }
  })

  it('gives the gradient of a pass whose log-probabilities were asked for before, bit for bit that of a pass of its own', async () => {
    const { sequences, weights } = randomBatch(config, 3, [44, 30, 51, 60, 23, 47, 6])
    sequences[1]?.splice(0, 21, ...(sequences[0] ?? []).slice(0, 21))
    for (const [lora, sharePrefixes] of [
      [false, false],
      [LORA, true],
    ] as const) {
      const [apart, kept] = [makeTrainer({ sharePrefixes, lora }), makeTrainer({ sharePrefixes, lora })]
      for (let step = 0; step < 3; step++) {
        const before = await kept.logprobs(sequences, { keep: true })
        const logprobs = await kept.accumulate(sequences, weights)
        expect(logprobs).toEqual(before)
        expect(logprobs).toEqual(await apart.accumulate(sequences, weights))
        expect(allGradients(kept)).toEqual(allGradients(apart))
        await Promise.all([kept.step(ADAM), apart.step(ADAM)])
      }
      expect(kept.trainable.flat).toEqual(apart.trainable.flat)
      await Promise.all([kept.release(), apart.release()])
    }
  })

  it('keeps nothing beyond an update, for other sequences, or for a second gradient', async () => {
    const [trainer, plain] = [makeTrainer(), makeTrainer()]
    const { sequences, weights } = batch
    const same = async (): Promise<void> => {
      expect(await trainer.accumulate(sequences, weights)).toEqual(await plain.accumulate(sequences, weights))
      expect(allGradients(trainer)).toEqual(allGradients(plain))
    }
    await trainer.logprobs(sequences, { keep: true })
    await same()
    await same()
    await Promise.all([trainer.step(ADAM), plain.step(ADAM)])
    await trainer.logprobs(sequences, { keep: true })
    for (const each of [trainer, plain]) await each.accumulate(sequences.slice(0, 1), weights.slice(0, 1))
    await same()
    await trainer.logprobs(sequences, { keep: true })
    await Promise.all([trainer.step(ADAM), plain.step(ADAM)])
    await same()
    for (const { trainable } of [trainer, plain]) trainable.flat.forEach((value, i, flat) => (flat[i] = value * 0.9))
    await trainer.logprobs(sequences, { keep: true })
    for (const { trainable } of [trainer, plain]) trainable.flat.forEach((value, i, flat) => (flat[i] = value * 0.9))
    trainer.weightsChanged()
    await same()
    // Who does not say so gets what was kept, which shows that it was.
    const before = await trainer.logprobs(sequences, { keep: true })
    trainer.trainable.flat.fill(0)
    expect(await trainer.accumulate(sequences, weights)).toEqual(before)
    await Promise.all([trainer.release(), plain.release()])
  })

  it('trains alike where the binding copies its outputs, as it does when the self-test fails', async () => {
    const [inPlace, copied] = await Promise.all(
      [true, false].map(async (zeroCopy) => {
        const trainer = makeTrainer({ zeroCopy })
        for (let step = 0; step < 2; step++) {
          await trainer.accumulate(batch.sequences, batch.weights)
          await trainer.step({ ...ADAM, weightDecay: 0.1, maxGradNorm: 1 })
        }
        const weights = trainer.trainable.flat.slice()
        await trainer.release()
        return weights
      }),
    )
    expect(copied).toEqual(inPlace)
  })

  it('gives the same gradient bit for bit when the layers are computed twice', async () => {
    const [kept, again] = await Promise.all(
      [false, true].map(async (recompute) => {
        const trainer = makeTrainer({ recompute, lora: LORA })
        await trainer.accumulate(batch.sequences, batch.weights)
        await trainer.step(ADAM)
        await trainer.accumulate(batch.sequences, batch.weights)
        const gradients = allGradients(trainer)
        await trainer.release()
        return gradients
      }),
    )
    expect(again).toEqual(kept)
    expect(kept?.some((value) => value !== 0)).toBe(true)
  })

  it('gives a sequence the same log-probabilities alone and in company', async () => {
    const trainer = makeTrainer()
    const together = await trainer.logprobs(batch.sequences)
    for (const [index, tokens] of batch.sequences.entries()) {
      const [alone] = await trainer.logprobs([tokens])
      expect(largestDifference(together[index] ?? new Float32Array(), alone ?? new Float32Array())).toBeLessThan(1e-5)
    }
    await trainer.release()
  })

  it('has nothing to say about sequences without a target', async () => {
    const trainer = makeTrainer()
    const results = await trainer.logprobs([[], [3], [3, 4]])
    expect(results.map(({ length }) => length)).toEqual([0, 0, 1])
    expect(await trainer.logprobs([])).toEqual([])
    await trainer.release()
  })

  it('learns a sequence by heart, in the store it was given', async () => {
    const parameters = randomParameters(config, 1)
    const trainer = new Trainer(config, parameters, { threads: 1 })
    const before = parameters.flat.slice()
    const tokens = [1, 5, 2, 8, 3, 13]
    const weights = new Float32Array(5).fill(1)
    const mean = (values: Float32Array = new Float32Array()): number => values.reduce((a, b) => a + b, 0) / 5
    const start = mean((await trainer.logprobs([tokens]))[0])
    for (let step = 0; step < 30; step++) {
      await trainer.accumulate([tokens], [weights])
      await trainer.step(ADAM)
    }
    expect(mean((await trainer.logprobs([tokens]))[0])).toBeGreaterThan(start + 2)
    expect(parameters.flat).not.toEqual(before)
    await trainer.release()
  })

  it('clears the gradient at each step and repeats exactly with the same inputs', async () => {
    const runs = await Promise.all(
      [0, 1].map(async () => {
        const trainer = makeTrainer()
        for (let step = 0; step < 2; step++) {
          await trainer.accumulate(batch.sequences, batch.weights)
          await trainer.step(ADAM)
        }
        expect(allGradients(trainer).every((value) => value === 0)).toBe(true)
        const { flat } = trainer.trainable
        await trainer.release()
        return flat
      }),
    )
    expect(runs[0]).toEqual(runs[1])
  })

  it('goes on from a restored state as if it had never stopped', async () => {
    const trainStep = async (trainer: Trainer): Promise<void> => {
      await trainer.accumulate(batch.sequences, batch.weights)
      await trainer.step(ADAM)
    }
    const straight = makeTrainer()
    await trainStep(straight)
    const saved = straight.optimizerState()
    const state = { step: saved.step, m: saved.m.slice(), v: saved.v.slice() }
    const resumed = new Trainer(config, straight.trainable.clone(), { threads: 1 })
    resumed.restore(state)
    await trainStep(straight)
    await trainStep(resumed)
    expect(resumed.trainable.flat).toEqual(straight.trainable.flat)
    expect(resumed.optimizerState().step).toBe(2)
    expect(() => resumed.restore({ step: 1, m: new Float32Array(3), v: new Float32Array(3) })).toThrow(/3 elements/)
    await Promise.all([straight.release(), resumed.release()])
  })

  it('decays matrices and the embedding, never norms and biases', async () => {
    const trainer = makeTrainer()
    const before = trainer.trainable.clone()
    // No gradient: decay is all that moves.
    await trainer.step({ ...ADAM, weightDecay: 0.5 })
    for (const { name, kind } of trainer.trainable.specs) {
      const factor = kind === 'norm' || kind === 'bias' ? 1 : 1 - 0.5 * 1e-2
      const expected = before.get(name).map((value) => value * factor)
      expect(largestDifference(trainer.trainable.get(name), expected)).toBeLessThan(1e-6)
    }
    await trainer.release()
  })

  it('leaves the weights alone when the gradient is not finite, and can go on', async () => {
    const trainer = makeTrainer()
    const before = trainer.trainable.flat.slice()
    await trainer.accumulate([[1, 2, 3]], [[Number.NaN, 1]])
    await expect(trainer.step(ADAM)).rejects.toThrow(NumericalError)
    expect(trainer.trainable.flat).toEqual(before)
    expect(trainer.optimizerState().step).toBe(0)
    await trainer.accumulate([[1, 2, 3]], [[1, 1]])
    expect((await trainer.step(ADAM)).gradNorm).toBeGreaterThan(0)
    await trainer.release()
  })

  it('refuses tokens outside the vocabulary, sequences beyond the context, and missing weights', async () => {
    const trainer = makeTrainer()
    await expect(trainer.logprobs([[1, 19]])).rejects.toThrow(InputError)
    await expect(trainer.logprobs([[1, -1]])).rejects.toThrow(/token -1/)
    await expect(trainer.logprobs([[1, 1.5]])).rejects.toThrow(/token 1.5/)
    await expect(trainer.logprobs([Array<number>(65).fill(1)])).rejects.toThrow(ModelError)
    await expect(trainer.accumulate([[1, 2]], [])).rejects.toThrow(/needs 1 weights/)
    await expect(trainer.accumulate([[1, 2]], [[1, 1]])).rejects.toThrow(/needs 1 weights, not 2/)
    await trainer.release()
  })

  it('keeps on through more shapes than it caches', async () => {
    const long = { ...config, maxPositions: 700 }
    const trainer = new Trainer(long, randomParameters(long, 1), { threads: 1, maxTokensPerMicroBatch: 16 })
    const random = rng(4)
    for (let length = 2; length < 680; length += 17) {
      const tokens = Array.from({ length }, () => random.below(config.vocabSize))
      const [logprobs] = await trainer.logprobs([tokens])
      expect(logprobs).toHaveLength(length - 1)
      expect(logprobs?.every((value) => value < 0)).toBe(true)
    }
    await trainer.release()
  })
})

describe('Trainer with adapters', () => {
  it('starts as the base model and leaves its weights frozen', async () => {
    const base = randomParameters(config, 1)
    const frozen = base.flat.slice()
    const plain = new Trainer(config, base, { threads: 1 })
    const trainer = new Trainer(config, base, { threads: 1, lora: LORA })
    const [expected] = await plain.logprobs([batch.sequences[0] ?? []])
    const [actual] = await trainer.accumulate([batch.sequences[0] ?? []], [batch.weights[0] ?? []])
    expect(largestDifference(actual ?? new Float32Array(), expected ?? new Float32Array())).toBeLessThan(1e-6)
    await trainer.step(ADAM)
    expect(base.flat).toEqual(frozen)
    await Promise.all([plain.release(), trainer.release()])
  })

  it('merges into weights that give the same log-probabilities', async () => {
    const trainer = makeTrainer({ lora: LORA })
    for (let step = 0; step < 5; step++) {
      await trainer.accumulate(batch.sequences, batch.weights)
      await trainer.step(ADAM)
    }
    const merged = await trainer.merged()
    const plain = new Trainer(config, merged, { threads: 1 })
    const [adapted, direct] = [await trainer.logprobs(batch.sequences), await plain.logprobs(batch.sequences)]
    adapted.forEach((values, i) =>
      expect(largestDifference(values, direct[i] ?? new Float32Array())).toBeLessThan(1e-4),
    )
    expect(await trainer.merged(merged)).toBe(merged)
    await Promise.all([trainer.release(), plain.release()])
  })

  it('hands out the live parameters when there are no adapters', async () => {
    const trainer = makeTrainer()
    expect(await trainer.merged()).toBe(trainer.trainable)
    await trainer.release()
  })
})
