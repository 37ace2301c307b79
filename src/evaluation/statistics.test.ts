import { describe, expect, test } from 'vitest'
import { bootstrapMean, pairAccuracy, quantile, rankCorrelation, ranks } from './statistics.ts'

describe('bootstrapMean', () => {
  test('has about the width of the normal interval on normal-like data', () => {
    const values = Array.from({ length: 400 }, (_, i) => Math.sin(i * 12.9898) * 3)
    const sd = Math.sqrt(values.reduce((s, v) => s + (v - values.reduce((a, b) => a + b, 0) / 400) ** 2, 0) / 400)
    const { low, high } = bootstrapMean(values, 1)
    expect(high - low).toBeGreaterThan(0.85 * 2 * 1.96 * (sd / 20))
    expect(high - low).toBeLessThan(1.15 * 2 * 1.96 * (sd / 20))
  })

  test('is the same for the same seed and collapses for one value', () => {
    expect(bootstrapMean([1, 2, 3], 7)).toEqual(bootstrapMean([1, 2, 3], 7))
    expect(bootstrapMean([0.5], 7)).toEqual({ mean: 0.5, low: 0.5, high: 0.5, n: 1 })
  })
})

test('quantiles interpolate linearly', () => {
  expect(quantile([0, 10], 0.25)).toBe(2.5)
})

describe('rank correlation', () => {
  test('ties share their mean rank', () => {
    expect(ranks([10, 20, 20, 5])).toEqual([2, 3.5, 3.5, 1])
  })

  test('agrees with a worked example', () => {
    // Scores of 5 pupils; ρ = 1 − 6·Σd²/(n(n²−1)) = 1 − 6·8/120.
    expect(rankCorrelation([1, 2, 3, 4, 5], [2, 1, 4, 5, 3])).toBeCloseTo(1 - (6 * (1 + 1 + 1 + 1 + 4)) / 120)
    expect(rankCorrelation([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1)
  })
})

test('pair accuracy counts only pairs with a true order and gives a judge tie one half', () => {
  expect(pairAccuracy([{ truth: [0, 1, 1], judged: [0, 2, 0] }])).toEqual({ accuracy: 0.75, n: 2 })
})
