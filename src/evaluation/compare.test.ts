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
    expect(found).toMatchObject({ difference: { mean: -1, n: 2 }, left: 1 })
    expect(found.warnings.join()).toMatch(/questions not compared.*: 1$/)
  })

  it('lose nothing where none is the same', () => {
    expect(regressions([result(1, ['a'])], [result(0, ['b'])], 0.1, 1)).toEqual([])
    expect(regressions([result(1, ['a'])], [result(0, ['a'])], 0.1, 1)).toMatchObject([{ suite: 'heldout', loss: 1 }])
  })
})
