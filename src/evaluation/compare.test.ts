/** Two results of one suite: only the same questions are compared. */
import { describe, expect, it } from 'vitest'
import type { SuiteResult } from '../records/index.ts'
import { compareResults, regressions } from './compare.ts'

const rubric = [{ name: 'c', gold: 'g', description: 'd', weight: 1 }]

function result(score: number, problems: readonly string[]): SuiteResult {
  return {
    suite: 'heldout',
    round: 0,
    policy: 'p',
    judge: 'j',
    sampled: null,
    greedy: null,
    validity: 1,
    meanAnswerWords: 1,
    unscored: 0,
    perQuestion: problems.map((_, i) => ({ id: `d${i}`, score })),
    questions: problems.map((problem, i) => ({ id: `d${i}`, problem, rubric })),
  }
}

describe('two results of held-out questions', () => {
  it('are compared on those that are the same in both, and the others are counted', () => {
    const found = compareResults([result(1, ['a', 'b', 'c'])], [result(0, ['a', 'other', 'c'])], 1)
    expect(found).toMatchObject({ difference: { mean: -1, n: 2 }, left: 0 })
    expect(found.warnings.join()).toMatch(/questions not compared.*: 1$/)
  })

  it('do not pass for equal where none is the same', () => {
    expect(regressions([result(1, ['a'])], [result(0, ['b'])], 0.1, 1)).toEqual([{ suite: 'heldout', loss: null }])
    expect(regressions([result(1, ['a'])], [result(0, ['a'])], 0.1, 1)).toEqual([{ suite: 'heldout', loss: 1 }])
    expect(regressions([result(1, ['a'])], [result(1, ['a'])], 0, 1)).toEqual([])
    expect(compareResults([result(1, ['a'])], [result(0, ['b'])], 1)).toMatchObject({
      before: null,
      after: null,
      difference: null,
      left: 0,
    })
  })

  it('are pooled over seeds of which each has questions of its own, where both sides have them', () => {
    const [a1, a2] = [result(0.9, ['one', 'same']), result(0.7, ['two', 'same'])]
    const [b1, b2] = [result(0.4, ['one', 'same']), result(0.2, ['two', 'same'])]
    const found = compareResults([a1, a2], [b1, b2], 1)
    expect(found).toMatchObject({ difference: { n: 2 }, warnings: [] })
    expect(found.difference?.mean).toBeCloseTo(-0.5)
    // The second question was not asked by half of the runs after: easier questions would pass for a better policy.
    for (const after of [[b1], [b1, b1], [b1, b1, b2]]) {
      expect(compareResults([a1, a2], after, 1)).toMatchObject({ difference: { n: 1 }, left: 0 })
    }
    expect(compareResults([a1], [b1, b1, b1], 1)).toMatchObject({ difference: { n: 2 } })
  })
})
