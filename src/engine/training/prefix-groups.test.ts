import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bucketLength } from './batching.ts'
import { prefixGroups } from './prefix-groups.ts'
import type { SharePrefixes } from './memory.ts'

const prompt = (seed: number): number[] => Array.from({ length: 30 }, (_, i) => (i < 5 ? i : seed * 100 + i))

it('puts the answers of a prompt together, without the last token that they share', () => {
  const [a, b] = [prompt(1), prompt(2)]
  const sequences = [
    [...a, 1, 2],
    [...a, 3, 4, 5],
    [...b, 1],
    [...b, 2],
    [7, 8, 9],
  ]
  expect(prefixGroups(sequences, 1024, true)).toEqual([
    { items: [0, 1], prefix: 29 },
    { items: [2, 3], prefix: 29 },
    { items: [4], prefix: 0 },
  ])
})

it('leaves every sequence a position of its own, also one that another one begins with', () => {
  const a = prompt(1)
  expect(prefixGroups([a, [...a, 1, 2]], 1024, true)).toEqual([{ items: [0, 1], prefix: 28 }])
  expect(prefixGroups([a, a], 1024, true)).toEqual([{ items: [0, 1], prefix: 28 }])
})

it('does not cut a long beginning short for the sake of one more sequence', () => {
  const head = prompt(1).slice(0, 20)
  const long = [...head, ...prompt(2)]
  expect(
    prefixGroups(
      [
        [...long, 1, 1],
        [...long, 2, 2],
        [...head, 9, 9, 9],
      ],
      1024,
      true,
    ),
  ).toEqual([
    { items: [0, 1], prefix: 49 },
    { items: [2], prefix: 0 },
  ])
})

it('shares no more than all of a group have in common', () => {
  const a = prompt(1)
  const sequences = [
    [...a, 1, 2, 3, 4, 5],
    [...a, 9, 9, 9],
    [...a, 1, 2, 3, 4, 6],
  ]
  expect(prefixGroups(sequences, 1024, true)).toEqual([{ items: [0, 1, 2], prefix: 29 }])
})

it('shares nothing between short or unlike sequences, and takes empty ones', () => {
  const alone = [0, 1, 2, 3].map((i) => ({ items: [i], prefix: 0 }))
  expect(prefixGroups([[1, 2, 3], [1, 2, 4], [], [5]], 1024, true)).toEqual(alone)
})

/** Answers of the given lengths to one prompt. */
function answersTo(promptLength: number, lengths: readonly number[]): number[][] {
  return lengths.map((length, k) => Array.from({ length: promptLength + length }, (_, i) => (i < promptLength ? 1 : k)))
}

it('puts eight short answers together, and two long ones', () => {
  const countsOf = (promptLength: number, length: number): number[] =>
    prefixGroups(answersTo(promptLength, Array<number>(8).fill(length)), 1024, true).map(({ items }) => items.length)
  expect(countsOf(256, 90)).toEqual([8])
  expect(countsOf(400, 70)).toEqual([8])
  expect(countsOf(256, 256)).toEqual([3, 3, 2])
  expect(countsOf(256, 1792)).toEqual([2, 2, 2, 2])
})

it('gives three or more no more tokens and places than memory is predicted for', () => {
  const lengths = fc.array(fc.integer({ min: 2, max: 700 }), { minLength: 3, maxLength: 12 })
  fc.assert(
    fc.property(fc.integer({ min: 17, max: 400 }), lengths, (promptLength, answers) => {
      const sequences = answersTo(promptLength, answers)
      for (const { items, prefix } of prefixGroups(sequences, 512, true)) {
        if (items.length < 3) continue
        const positions = items.map((item) => (sequences[item]?.length ?? 0) - 1)
        const row = bucketLength(Math.max(...positions))
        const tokens = prefix + positions.reduce((sum, length) => sum + length - prefix, 0)
        expect(tokens).toBeLessThanOrEqual(Math.max(512, 2 * row))
        expect(items.length * row).toBeLessThanOrEqual(Math.max(4 * 512, 2 * row))
      }
    }),
  )
})

it('takes no more places than a micro-batch when it is to share what is short, and none when it is not to share', () => {
  const sequences = answersTo(600, [80, 80, 20])
  const countsOf = (maxTokens: number, share: SharePrefixes): number[] =>
    prefixGroups(sequences, maxTokens, share).map(({ items }) => items.length)
  expect(countsOf(1024, true)).toEqual([3])
  expect(countsOf(1024, 'short')).toEqual([1, 1, 1])
  expect(countsOf(1408, 'short')).toEqual([2, 1])
  expect(countsOf(4096, false)).toEqual([1, 1, 1])
})
