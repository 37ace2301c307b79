import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { spreadByLength } from './spread.ts'

const lengths = (n: number): string[] => Array.from({ length: n }, (_item, index) => 'x'.repeat(n - index))

describe('spreadByLength', () => {
  it.each([
    [0, []],
    [1, [1]],
    [9, [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [20, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]],
    [32, [1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31]],
  ])('takes every k-th of %i answers from the shortest on', (n, expected) => {
    expect(spreadByLength(lengths(n), { shown: 10 }).map((answer) => answer.length)).toEqual(expected)
  })

  it('counts characters, not code units, and keeps the order of equal lengths', () => {
    expect(spreadByLength(['abc', '😀😀', 'de', 'fg'], { shown: 10 })).toEqual(['😀😀', 'de', 'fg', 'abc'])
  })

  it('cuts each answer to its first words', () => {
    expect(spreadByLength(['a b\nc d e'], { shown: 4, maxWords: 3 })).toEqual(['a b\nc d'])
  })

  it('shows answers of the list only, the shortest among them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string(), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        (answers, shown) => {
          const spread = spreadByLength(answers, { shown })
          expect(answers).toEqual(expect.arrayContaining(spread))
          const shortest = Math.min(...answers.map((answer) => Array.from(answer).length))
          expect(Array.from(spread[0] ?? '').length).toBe(shortest)
        },
      ),
    )
  })
})
