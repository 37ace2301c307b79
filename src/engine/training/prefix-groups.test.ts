import { expect, it } from 'vitest'
import { prefixGroups } from './prefix-groups.ts'

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
  expect(prefixGroups(sequences)).toEqual([
    { items: [0, 1], prefix: 29 },
    { items: [2, 3], prefix: 29 },
    { items: [4], prefix: 0 },
  ])
})

it('leaves every sequence a position of its own, also one that another one begins with', () => {
  const a = prompt(1)
  expect(prefixGroups([a, [...a, 1, 2]])).toEqual([{ items: [0, 1], prefix: 28 }])
  expect(prefixGroups([a, a])).toEqual([{ items: [0, 1], prefix: 28 }])
})

it('does not cut a long beginning short for the sake of one more sequence', () => {
  const head = prompt(1).slice(0, 20)
  const long = [...head, ...prompt(2)]
  expect(
    prefixGroups([
      [...long, 1, 1],
      [...long, 2, 2],
      [...head, 9, 9, 9],
    ]),
  ).toEqual([
    { items: [0, 1], prefix: 49 },
    { items: [2], prefix: 0 },
  ])
})

it('shares nothing between short or unlike sequences, and takes empty ones', () => {
  expect(prefixGroups([[1, 2, 3], [1, 2, 4], [], [5]])).toEqual([0, 1, 2, 3].map((i) => ({ items: [i], prefix: 0 })))
})
