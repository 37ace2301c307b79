import { describe, expect, it } from 'vitest'
import { learningRateAt, warmupSteps } from './schedule.ts'

// The values themselves are held against transformers in training/transformers-parity.test.ts.
describe('learningRateAt', () => {
  it('ends linear and cosine schedules at zero, and stays there', () => {
    for (const type of ['linear', 'cosine'] as const) {
      const schedule = { type, learningRate: 1, warmupSteps: 2, totalSteps: 10 }
      expect(learningRateAt(schedule, 2)).toBe(1)
      expect(learningRateAt(schedule, 10)).toBeCloseTo(0, 12)
    }
    expect(learningRateAt({ type: 'linear', learningRate: 1, warmupSteps: 2, totalSteps: 10 }, 12)).toBe(0)
  })

  it('rounds a warm-up share up to whole steps', () => {
    expect(warmupSteps(0.1, 11)).toBe(2)
    expect(warmupSteps(0, 11)).toBe(0)
  })
})
