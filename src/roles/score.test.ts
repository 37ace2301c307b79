import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CriterionRating, Rubric } from '../records/index.ts'
import { makeInert } from './prompt/inert.ts'
import { scoreEvaluation } from './score.ts'

const rubric = (...weights: number[]): Rubric =>
  weights.map((weight, index) => ({ name: `c${index + 1}`, gold: '', description: '', weight }))
const rated = (name: string, rating: number): CriterionRating => ({ name, thoughts: '', rating })

describe('scoreEvaluation', () => {
  it('weighs the ratings over the sum of all weights', () => {
    const score = scoreEvaluation(rubric(3, 1), [rated('c1', 2), rated('c2', 1)], { missingCriterion: 'unscored' })
    expect(score).toEqual({ status: 'scored', value: 7 / 4 })
  })

  it('keeps a missing criterion apart from a rating of 0', () => {
    const ratings = [rated('c1', 2)]
    expect(scoreEvaluation(rubric(3, 1), ratings, { missingCriterion: 'zero' })).toEqual({
      status: 'scored',
      value: 1.5,
    })
    expect(scoreEvaluation(rubric(3, 1), ratings, { missingCriterion: 'unscored' })).toEqual({
      status: 'unscored',
      reason: 'missingCriterion',
    })
    expect(scoreEvaluation(rubric(3, 1), [...ratings, rated('c2', 0)], { missingCriterion: 'unscored' }).status).toBe(
      'scored',
    )
  })

  it('clamps ratings to the scale, takes the last of a repeated name and ignores unknown ones', () => {
    const ratings = [rated('c1', 0), rated(' C1 ', 9), rated('c2', -4), rated('other', 2)]
    expect(scoreEvaluation(rubric(1, 1), ratings, { missingCriterion: 'unscored' })).toEqual({
      status: 'scored',
      value: 1,
    })
  })

  it.each([
    ['noRubric', [], [rated('c1', 2)]],
    ['zeroWeight', [0, 0], [rated('c1', 2), rated('c2', 2)]],
    ['zeroWeight', [1, -3], [rated('c1', 2), rated('c2', 2)]],
    ['badNumber', [1], [rated('c1', Number.NaN)]],
    ['badNumber', [Number.POSITIVE_INFINITY], [rated('c1', 1)]],
  ])('gives no score: %s', (reason, weights, ratings) => {
    expect(scoreEvaluation(rubric(...weights), ratings, { missingCriterion: 'zero' })).toEqual({
      status: 'unscored',
      reason,
    })
  })

  it('takes a single negative weight for a penalty, so that meeting the criterion lowers the score', () => {
    const rules = { missingCriterion: 'unscored' } as const
    const clean = scoreEvaluation(rubric(3, -1), [rated('c1', 1), rated('c2', 0)], rules)
    const faulty = scoreEvaluation(rubric(3, -1), [rated('c1', 1), rated('c2', 2)], rules)
    expect([clean, faulty]).toEqual([
      { status: 'scored', value: 1.5 },
      { status: 'scored', value: 0.5 },
    ])
  })

  it('finds a criterion whose name the judge saw with its markup made inert', () => {
    const named: Rubric = [{ name: 'Uses <answer> once', gold: '', description: '', weight: 1 }]
    const score = scoreEvaluation(named, [rated(makeInert('Uses <answer> once'), 2)], { missingCriterion: 'unscored' })
    expect(score).toEqual({ status: 'scored', value: 2 })
  })

  it('lies in 0–2 for weights that are not negative, and does not depend on the order of distinct criteria', () => {
    const criterion = fc.record({ weight: fc.integer({ min: 0, max: 50 }), rating: fc.double({ noNaN: true }) })
    fc.assert(
      fc.property(fc.array(criterion, { maxLength: 6 }), (criteria) => {
        const weights = rubric(...criteria.map(({ weight }) => weight))
        const ratings = criteria.map(({ rating }, index) => rated(`c${index + 1}`, rating))
        const score = scoreEvaluation(weights, ratings, { missingCriterion: 'unscored' })
        expect(score.status).toBe(weights.some(({ weight }) => weight > 0) ? 'scored' : 'unscored')
        if (score.status !== 'scored') return
        expect(score.value).toBeGreaterThanOrEqual(0)
        expect(score.value).toBeLessThanOrEqual(2)
        const turned = scoreEvaluation(weights, ratings.toReversed(), { missingCriterion: 'unscored' })
        expect(turned).toEqual({ status: 'scored', value: expect.closeTo(score.value, 12) })
      }),
    )
  })
})
