/** What every `TrainableModel` must do, wherever its weights are: one suite, run over each backend. For tests. */
import { afterEach, describe, expect, it } from 'vitest'
import type { AdamWSettings, TrainableModel } from '../model.ts'

export interface Subject {
  readonly model: TrainableModel
  close(): Promise<void>
}

const adam: AdamWSettings = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 0 }
/** Token ids below 12, of different lengths, with repeats. */
const sequences = [
  [1, 5, 3, 7, 7, 2],
  [4, 4, 9],
  [1, 5, 11, 0, 8, 6, 2, 3, 10],
]
const weights = (factor: number): Float32Array[] =>
  sequences.map((tokens, s) =>
    Float32Array.from({ length: tokens.length - 1 }, (_, t) => factor * (((s + t) % 3) - 0.5)),
  )
const sum = (rows: readonly Float32Array[], by?: readonly Float32Array[]): number =>
  rows.reduce((all, row, s) => all + row.reduce((total, value, t) => total + value * (by?.[s]?.[t] ?? 1), 0), 0)

/** @param start a fresh model with the same weights each time, of a vocabulary of at least 12 tokens */
export function describeTrainableModel(name: string, start: () => Promise<Subject>): void {
  describe(`${name} as a TrainableModel`, () => {
    const open: Subject[] = []
    const fresh = async (): Promise<TrainableModel> => {
      const subject = await start()
      open.push(subject)
      return subject.model
    }
    afterEach(async () => {
      await Promise.all(open.splice(0).map((subject) => subject.close()))
    })
    const gradNorm = async (...accumulations: Float32Array[][]): Promise<number> => {
      const model = await fresh()
      for (const rows of accumulations) await model.accumulate(sequences, rows)
      return (await model.step(adam)).gradNorm
    }

    it('gives one log-prob per predicted token, whatever shares the batch', async () => {
      const model = await fresh()
      const together = await model.logprobs(sequences)
      expect(together.map((row) => row.length)).toEqual(sequences.map((tokens) => tokens.length - 1))
      expect(Math.max(...together.flatMap((row) => [...row]))).toBeLessThan(0)
      for (const [i, tokens] of sequences.entries()) {
        const [alone] = await model.logprobs([tokens])
        alone?.forEach((value, t) => expect(value).toBeCloseTo(together[i]?.[t] ?? 0, 4))
      }
    })

    it('sums gradients over accumulations, in proportion to the weights', async () => {
      const once = await gradNorm(weights(1))
      expect(once).toBeGreaterThan(0)
      expect((await gradNorm(weights(2))) / once).toBeCloseTo(2, 3)
      expect((await gradNorm(weights(1), weights(1))) / once).toBeCloseTo(2, 3)
      expect((await gradNorm(weights(1), weights(-1))) / once).toBeCloseTo(0, 3)
    })

    it('gives a token of weight 0 no part in the gradient', async () => {
      expect(await gradNorm(weights(0))).toBe(0)
    })

    it('raises what has positive weight and lowers what has negative weight', async () => {
      const model = await fresh()
      const by = weights(1)
      const before = sum(await model.logprobs(sequences), by)
      await model.accumulate(sequences, by)
      await model.step(adam)
      expect(sum(await model.logprobs(sequences), by)).toBeGreaterThan(before)
    })

    it('clears the gradient with the step', async () => {
      const model = await fresh()
      await model.accumulate(sequences, weights(1))
      await model.step(adam)
      expect((await model.step(adam)).gradNorm).toBe(0)
    })

    it('leaves the weights alone at learning rate 0, and reports the norm before clipping', async () => {
      const model = await fresh()
      const before = await model.logprobs(sequences)
      await model.accumulate(sequences, weights(1))
      const still = await model.step({ ...adam, learningRate: 0, maxGradNorm: 1e-3 })
      expect(await model.logprobs(sequences)).toEqual(before)
      expect(still.gradNorm).toBeCloseTo(await gradNorm(weights(1)), 4)
    })
  })
}
