import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Comparison } from '../records/index.ts'
import { allPairs, anchoredScore, comparisonOf, equalComparison, medianAnchor, pairwiseScore } from './compare.ts'

const contestants = (...answers: string[]): { index: number; answer: string }[] =>
  answers.map((answer, index) => ({ index, answer }))

describe('pairwise scoring', () => {
  it('averages the two orders, and a candidate over its comparisons', () => {
    const comparisons = [
      comparisonOf(0, 1, 1, 1), // 0 wins in both orders
      comparisonOf(0, 2, 1, 0), // each place once: a draw
      comparisonOf(1, 2, 0, 0), // 2 wins in both
    ]
    expect([0, 1, 2].map((index) => pairwiseScore(index, comparisons))).toEqual([
      { status: 'scored', value: 0.75 },
      { status: 'scored', value: 0 },
      { status: 'scored', value: 0.75 },
    ])
  })

  it('leaves a comparison with an invalid verdict out, in whichever order it is', () => {
    const comparisons = [comparisonOf(0, 1, 1, 'badShape'), comparisonOf(0, 2, 'noTag', 0), comparisonOf(1, 2, 1, 1)]
    expect(comparisons.map(({ value }) => value)).toEqual([null, null, 1])
    expect(pairwiseScore(0, comparisons)).toEqual({ status: 'unscored', reason: 'badShape' })
    expect(pairwiseScore(1, comparisons)).toEqual({ status: 'scored', value: 1 })
    expect(pairwiseScore(2, comparisons)).toEqual({ status: 'scored', value: 0 })
  })

  it('gives identical texts a half each', () => {
    expect(pairwiseScore(1, [equalComparison(0, 1, 'pairwise')])).toEqual({ status: 'scored', value: 0.5 })
  })

  it('has no score for a candidate that was compared with nothing', () => {
    expect(pairwiseScore(0, [])).toEqual({ status: 'unscored', reason: 'callFailed' })
  })

  it('compares every two once', () => {
    expect(allPairs([1, 2, 3])).toEqual([
      [1, 2],
      [1, 3],
      [2, 3],
    ])
    expect(allPairs(Array.from({ length: 33 }, (_, i) => i))).toHaveLength((33 * 32) / 2)
    expect(allPairs(['alone'])).toEqual([])
  })

  it('shares out as many points as there are valid comparisons, each score in 0–1', () => {
    const outcome = fc.constantFrom(0, 1, 0.5, 'noTag' as const)
    fc.assert(
      fc.property(fc.array(fc.tuple(outcome, outcome), { minLength: 10, maxLength: 10 }), (outcomes) => {
        const comparisons = allPairs([0, 1, 2, 3, 4]).map(([first, second], i): Comparison => {
          const [shownFirst, shownSecond] = outcomes[i] ?? ['noTag', 'noTag']
          return comparisonOf(first, second, shownFirst, shownSecond)
        })
        let points = 0
        for (const index of [0, 1, 2, 3, 4]) {
          const score = pairwiseScore(index, comparisons)
          const valid = comparisons.filter((c) => c.value !== null && (c.first === index || c.second === index)).length
          expect(score.status).toBe(valid === 0 ? 'unscored' : 'scored')
          if (score.status === 'unscored') continue
          expect(score.value).toBeGreaterThanOrEqual(0)
          expect(score.value).toBeLessThanOrEqual(1)
          points += score.value * valid
        }
        expect(points).toBeCloseTo(comparisons.filter(({ value }) => value !== null).length, 9)
      }),
    )
  })
})

describe('anchored scoring', () => {
  it('takes the answer of median length, index ⌊n/2⌋, counted in characters', () => {
    expect(medianAnchor(contestants('aaa', 'a', 'aa'))?.index).toBe(2)
    expect(medianAnchor(contestants('aaaa', 'a', 'aa', 'aaa'))?.index).toBe(3)
    expect(medianAnchor(contestants('only'))?.index).toBe(0)
    expect(medianAnchor([])).toBeUndefined()
    // Equal lengths stay in order; an emoji is one character.
    expect(medianAnchor(contestants('aa', 'bb', '🙂🙂'))?.index).toBe(1)
  })

  it('is the mean difference to the anchor, below zero for a worse answer', () => {
    const comparisons = [comparisonOf(0, 2, -3, -4), comparisonOf(1, 2, 2, 0), comparisonOf(3, 2, 'badNumber', 9)]
    expect([0, 1, 2, 3].map((index) => anchoredScore(index, 2, comparisons))).toEqual([
      { status: 'scored', value: -3.5 },
      { status: 'scored', value: 1 },
      { status: 'scored', value: 0 },
      { status: 'unscored', reason: 'badNumber' },
    ])
  })

  it('gives the anchor no score when every comparison with it is void', () => {
    expect(anchoredScore(1, 1, [comparisonOf(0, 1, 'noTag', 3)])).toEqual({ status: 'unscored', reason: 'noTag' })
  })

  it('gives a text identical to the anchor 0', () => {
    expect(anchoredScore(1, 0, [equalComparison(1, 0, 'anchored')])).toEqual({ status: 'scored', value: 0 })
  })
})
