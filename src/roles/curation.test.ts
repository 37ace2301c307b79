import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rng } from '../core/rng.ts'
import type { Rubric, Score } from '../records/index.ts'
import { areNearTies, curateRubric, isOffDifficulty, rubricAgreement, scoreUnderBoth } from './curation.ts'

const rubric = (...weights: number[]): Rubric =>
  weights.map((weight, index) => ({ name: `c${index + 1}`, gold: '', description: '', weight }))
const names = (criteria: Rubric): string[] => criteria.map(({ name }) => name)
const unscored: Score = { status: 'unscored', reason: 'noTag' }
const scores = (...values: (number | null)[]): Score[] =>
  values.map((value) => (value === null ? unscored : { status: 'scored', value }))
const off = { positiveOnly: false, criterionDropout: 0 }

describe('the criteria that count', () => {
  it('are all of them when nothing is switched on', () => {
    expect(curateRubric(rubric(3, -1, 0), off, rng(1))).toEqual({ used: rubric(3, -1, 0), unused: [] })
  })

  it('are those above weight 0 with positiveOnly, the others named', () => {
    const { used, unused } = curateRubric(rubric(3, -1, 0, 2), { ...off, positiveOnly: true }, rng(1))
    expect([names(used), unused]).toEqual([
      ['c1', 'c4'],
      ['c2', 'c3'],
    ])
    expect(curateRubric(rubric(-1, 0), { ...off, positiveOnly: true }, rng(1)).used).toEqual([])
  })

  it('lose each criterion with the probability of the dropout, never the last one', () => {
    const dropout = { ...off, criterionDropout: 0.3 }
    const runs = 4000
    const kept = [0, 0, 0]
    for (let seed = 0; seed < runs; seed++) {
      const { used, unused } = curateRubric(rubric(1, 1, 1), dropout, rng(seed))
      if (used.length === 0 || used.length + unused.length !== 3) expect.fail(`seed ${seed}: ${names(used).join()}`)
      for (const { name } of used) kept[Number(name[1]) - 1] = (kept[Number(name[1]) - 1] ?? 0) + 1
    }
    // Kept by its own draw, or as the one that stays when all three would go.
    const expected = 0.7 + 0.3 ** 3 / 3
    const standardError = Math.sqrt((expected * (1 - expected)) / runs)
    for (const count of kept) expect(Math.abs(count / runs - expected)).toBeLessThan(4 * standardError)
    expect(curateRubric(rubric(1), { ...off, criterionDropout: 0.99 }, rng(3)).used).toHaveLength(1)
  })

  it('are the same for the same draw', () => {
    const dropout = { positiveOnly: true, criterionDropout: 0.5 }
    const draw = (): unknown => curateRubric(rubric(1, 2, 3, 4, 5), dropout, rng(45, 'criteria'))
    expect(draw()).toEqual(draw())
  })
})

describe('near ties', () => {
  it.each([
    [[1, 1, 1], 0.01, true],
    [[1, 1.2], 0.1, false], // a standard deviation of exactly 0.1 is not under it, rounding aside
    [[1, 1.19], 0.1, true],
    [[0, 2, 1], 0.5, false],
    [[1, null], 0.5, false], // one score says nothing about a spread
    [[], 0.5, false],
    [[null, 1, 1, null], 0.5, true], // answers without a score are no ties and no spread
  ])('%j with at least %d: %s', (values, minStd, expected) => {
    expect(areNearTies(scores(...values), minStd - 1e-12)).toBe(expected)
  })
})

describe('difficulty', () => {
  it.each([
    [[2, 2, 2], true],
    [[0, 0, 0], true],
    [[0, 2], false],
    [[1.7, 1.7], false], // 0.85 of the highest: the bound itself is inside
    [[1.71, 1.71], true],
    [[0.3], false],
    [[0.29], true],
    [[null, 1], false], // not a mean over an answer without a score: with 0 for it this would be 0.25, with 2 it would be 0.75
    [[null, null], false],
  ])('of mean %j between 0.15 and 0.85 is off: %s', (values, expected) => {
    expect(isOffDifficulty(scores(...values), { low: 0.15, high: 0.85 })).toBe(expected)
  })

  it('leaves answers without a score out of the mean', () => {
    expect(isOffDifficulty(scores(1.6, null, null, null), { low: 0.5, high: 0.9 })).toBe(false)
  })
})

describe('two rubrics', () => {
  it.each([
    [[0, 1, 2], [0.1, 0.2, 0.3], 1],
    [[0, 1, 2], [3, 2, 1], -1],
    // Ranks 1 2 3 4 and 2 1 4 3: 1 − 6·4/(4·15) = 0.6.
    [[1, 2, 3, 4], [2, 1, 4, 3], 0.6],
    [[0, 1, null, 5], [0, 1, 9, null], 1],
    [[1, 1, 1], [0, 1, 2], null],
    [[1], [2], null],
    [[null, 1], [1, null], null],
  ])('that give %j and %j agree by %s', (first, second, expected) => {
    const agreement = rubricAgreement(scores(...first), scores(...second))
    if (expected === null) expect(agreement).toBeNull()
    else expect(agreement).toBeCloseTo(expected, 12)
  })

  it('give their mean, and no score where either gives none', () => {
    const score = fc.option(fc.double({ min: 0, max: 2, noNaN: true }), { nil: null })
    fc.assert(
      fc.property(score, score, (a, b) => {
        const [first = unscored, second = unscored] = scores(a, b)
        const both = scoreUnderBoth(first, second)
        if (a === null || b === null) expect(both).toEqual(unscored)
        else expect(both).toEqual({ status: 'scored', value: (a + b) / 2 })
      }),
    )
  })
})
