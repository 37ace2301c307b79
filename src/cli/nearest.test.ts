import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { editDistance, nearest } from './nearest.ts'

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['trian', 'train', 1],
    ['ca', 'abc', 3],
  ])('of %j and %j is %i', (a, b, expected) => {
    expect(editDistance(a, b)).toBe(expected)
  })

  it('is symmetric, zero only for equal words, and at most the longer length', () => {
    const word = fc.string({ maxLength: 8 })
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b)
        expect(editDistance(b, a)).toBe(distance)
        expect(distance === 0).toBe(a === b)
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length))
      }),
    )
  })
})

describe('nearest', () => {
  const keys = ['candidates', 'questionsPerDocument', 'groundRubric', 'groundQuestion', 'concurrency']

  it.each([
    ['candidate', 'candidates'],
    ['ground_rubric', 'groundRubric'],
    ['Concurrency', 'concurrency'],
    ['temperature', undefined],
    ['x', undefined],
  ])('of %j is %j', (name, expected) => {
    expect(nearest(name, keys)).toBe(expected)
  })
})
