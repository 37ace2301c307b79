import { describe, expect, test } from 'vitest'
import { planPrefill } from './prefill-plan.ts'
import { findSharedPrefix } from './prefix.ts'

/** A prompt of `length` tokens that shares nothing with another `kind`. */
function prompt(length: number, kind: number): number[] {
  return Array.from({ length }, (_, i) => 1000 * kind + i)
}

function waiting(...prompts: [length: number, samples: number][]): { promptTokens: number[]; samples: number }[] {
  return prompts.map(([length, samples], kind) => ({ promptTokens: prompt(length, kind), samples }))
}

describe('planPrefill', () => {
  test('puts prompts of like length together', () => {
    expect(planPrefill(waiting([100, 1], [90, 1], [100, 1]), 8)).toBe(3)
  })

  test('stops where padding, the token budget or the rows would run over', () => {
    expect(planPrefill(waiting([100, 1], [20, 1]), 8)).toBe(1)
    expect(planPrefill(waiting([400, 1], [400, 1], [400, 1]), 8)).toBe(2)
    expect(planPrefill(waiting([10, 3], [10, 3], [10, 3]), 6)).toBe(2)
  })

  test('takes at least one, however large', () => {
    expect(planPrefill(waiting([5000, 100]), 2)).toBe(1)
  })

  test('leaves a prompt that begins like an earlier one for later', () => {
    const first = prompt(60, 1)
    const second = [...first.slice(0, 50), 7, 8, 9]
    const list = [first, second].map((promptTokens) => ({ promptTokens, samples: 1 }))
    expect(planPrefill(list, 8)).toBe(1)
  })
})

describe('findSharedPrefix', () => {
  test('finds the longest common beginning', () => {
    const base = prompt(100, 1)
    const candidates = [prompt(100, 2), base.slice(0, 60), [...base.slice(0, 80), 5, 5]]
    expect(findSharedPrefix([...base.slice(0, 90), 3], candidates)).toEqual({ source: 2, length: 80 })
  })

  test('never covers the whole prompt: its last token must be computed', () => {
    const base = prompt(100, 1)
    expect(findSharedPrefix(base, [base])).toEqual({ source: 0, length: 99 })
  })

  test('does not bother with short beginnings', () => {
    const base = prompt(200, 1)
    expect(findSharedPrefix([...base.slice(0, 20), 9], [base])).toBeUndefined()
    expect(findSharedPrefix([...base.slice(0, 60), ...prompt(140, 2)], [base])).toBeUndefined()
    expect(findSharedPrefix(base, [])).toBeUndefined()
  })
})
