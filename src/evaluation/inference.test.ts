/** Tests and intervals against values worked out by hand or known from tables. */
import { describe, expect, test } from 'vitest'
import { rng } from '../core/rng.ts'
import {
  detectableFromDifferences,
  estimateScores,
  pairedTest,
  pooledDifference,
  standardDeviation,
} from './inference.ts'

describe('estimateScores', () => {
  test("gives Wilson's interval for right and wrong: 8 of 10 is [0.490, 0.943]", () => {
    const estimate = estimateScores([1, 1, 1, 1, 1, 1, 1, 1, 0, 0], 1)
    expect(estimate?.mean).toBeCloseTo(0.8)
    expect(estimate?.low).toBeCloseTo(0.4902, 3)
    expect(estimate?.high).toBeCloseTo(0.9433, 3)
  })

  test('has width when everything is right: 20 of 20 is [0.839, 1]', () => {
    const estimate = estimateScores(
      Array.from({ length: 20 }, () => 1),
      1,
    )
    expect(estimate?.low).toBeCloseTo(0.8389, 3)
    expect(estimate?.high).toBe(1)
  })

  test('is null for nothing', () => {
    expect(estimateScores([], 1)).toBeNull()
  })
})

describe('the paired test', () => {
  test('is exact McNemar on right and wrong: 1 loss, 7 gains give p = 2·(1 + 8)/2⁸', () => {
    const before = [1, 0, 0, 0, 0, 0, 0, 0, 1, 1]
    const after = [0, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    expect(pairedTest(before, after, 1)).toEqual({ test: 'exact McNemar', p: expect.closeTo(18 / 256, 10) as number })
  })

  test('counts out all signs for few questions: three gains of 0.1, 0.2, 0.3 give p = 2/8', () => {
    expect(pairedTest([0, 0, 0], [0.1, 0.2, 0.3], 1)).toEqual({ test: 'exact sign flip', p: 0.25 })
  })

  test('finds nothing in nothing', () => {
    expect(pairedTest([0.5, 0.2], [0.5, 0.2], 1)?.p).toBe(1)
    expect(pairedTest([], [], 1)).toBeNull()
  })

  test('keeps its level: 5 % of comparisons without a difference come out below 0.05', () => {
    let rejected = 0
    for (let trial = 0; trial < 100; trial++) {
      const random = rng(trial, 'level')
      const before = Array.from({ length: 9 }, () => random.normal())
      const after = before.map(() => random.normal())
      if ((pairedTest(before, after, trial)?.p ?? 1) < 0.05) rejected++
    }
    expect(rejected).toBeGreaterThanOrEqual(1)
    expect(rejected).toBeLessThanOrEqual(12)
  })
})

test('the detectable difference is found in about 80 % of trials of just that size', () => {
  const random = rng(5, 'power')
  const n = 60
  const sizes = Array.from({ length: n }, () => random.normal())
  const shift = detectableFromDifferences(sizes) ?? 0
  expect(shift).toBeCloseTo(((1.959964 + 0.841621) * standardDeviation(sizes)) / Math.sqrt(n), 6)
  const sd = standardDeviation(sizes)
  let found = 0
  for (let trial = 0; trial < 400; trial++) {
    const draws = Array.from({ length: n }, () => shift + sd * random.normal())
    const mean = draws.reduce((a, b) => a + b, 0) / n
    if (Math.abs(mean) > 1.959964 * (standardDeviation(draws) / Math.sqrt(n))) found++
  }
  expect(found / 400).toBeGreaterThan(0.72)
  expect(found / 400).toBeLessThan(0.88)
})

describe('pooled seeds', () => {
  test('one run a side is the paired bootstrap: a small steady shift is seen through a large spread', () => {
    const before = Array.from({ length: 50 }, (_, i) => i)
    const pooled = pooledDifference([before], [before.map((v) => v + 0.1)], 3)
    expect(pooled).toMatchObject({ mean: expect.closeTo(0.1) as number, n: 50 })
    expect(pooled?.low).toBeGreaterThan(0.09)
  })

  test('runs that disagree widen the interval: more questions do not replace more runs', () => {
    const flat = Array.from({ length: 400 }, () => 0)
    const shifted = (by: number): number[] => flat.map(() => by)
    const pooled = pooledDifference([flat], [shifted(-0.2), shifted(0.4)], 1)
    expect(pooled?.mean).toBeCloseTo(0.1)
    expect(pooled?.low).toBeLessThan(-0.1)
    expect(pooled?.high).toBeGreaterThan(0.3)
  })

  test('refuses runs over different questions', () => {
    expect(() => pooledDifference([[1, 2]], [[1]], 1)).toThrow(RangeError)
  })
})

test('three runs on a side: the interval holds the true difference about as often as it says, though it has few runs to go by', () => {
  const random = rng(11, 'coverage')
  const questions = 12
  const difficulty = Array.from({ length: questions }, () => random.normal())
  const run = (): number[] => {
    const luck = 0.3 * random.normal()
    return difficulty.map((level) => level + luck + 0.3 * random.normal())
  }
  const side = (): number[][] => [run(), run(), run()]
  const trials = 100
  let held = 0
  for (let trial = 0; trial < trials; trial++) {
    const difference = pooledDifference(side(), side(), trial)
    if (difference !== null && difference.low <= 0 && difference.high >= 0) held++
  }
  // Without the stretch it is about 0.8.
  expect(held / trials).toBeGreaterThanOrEqual(0.87)
})

test('scores that are all alike do not tell what could be detected', () => {
  expect(detectableFromDifferences([0.5, 0.5, 0.5])).toBeNull()
  expect(detectableFromDifferences([0.5])).toBeNull()
})
