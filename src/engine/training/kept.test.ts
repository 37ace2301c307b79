import { expect, it } from 'vitest'
import { OpenDimension } from '../graph/dimension.ts'
import { KeptPasses } from './kept.ts'
import type { Packed } from './fill.ts'

const packed = (tokens: number, rows: number): Packed => {
  const none = new Int32Array()
  const lists = { ids: none, targets: none, positions: none, rowTokens: none, rowOwners: none, places: none }
  return { tokens, rows, ...lists, seeds: new Float32Array(), segments: [] }
}
const carried = [
  { name: 'a', shape: [new OpenDimension('tokens'), 3] },
  { name: 'b', shape: [new OpenDimension('rows', 2), 4, 5] },
]

it('gives buffers of the shapes that a micro-batch has, and the same memory to the next one', () => {
  const kept = new KeptPasses(1000)
  const first = kept.allocate(0, carried, packed(10, 2))
  expect(Object.values(first).map((feed) => ('shape' in feed ? [...feed.shape] : []))).toEqual([
    [10, 3],
    [4, 4, 5],
  ])
  const bufferOf = (feeds: typeof first): unknown => {
    const feed = feeds['a']
    return feed !== undefined && 'shape' in feed ? feed.data.buffer : undefined
  }
  expect(bufferOf(kept.allocate(0, carried, packed(9, 2)))).toBe(bufferOf(first))
  expect(bufferOf(kept.allocate(0, carried, packed(11, 2)))).not.toBe(bufferOf(first))
  expect(bufferOf(kept.allocate(1, carried, packed(9, 2)))).not.toBe(bufferOf(first))
})

it('keeps no more than its budget, counted anew for each list of sequences', () => {
  const kept = new KeptPasses(1000)
  kept.begin([[1, 2]])
  expect([kept.reserve(600), kept.reserve(600), kept.reserve(400)]).toEqual([true, false, true])
  kept.begin([[1, 2]])
  expect(kept.reserve(1000)).toBe(true)
})

it('gives what it kept once, and only for the sequences that it was of', () => {
  const kept = new KeptPasses(1000)
  const pass = { logprobs: Float32Array.of(-1), carried: {} }
  const [first, second] = [
    [1, 2, 3],
    [4, 5],
  ] as const
  const keep = (): void => {
    kept.begin([first, Int32Array.from(second)])
    kept.keep(0, pass)
  }
  keep()
  expect([...kept.take([first, second])]).toEqual([[0, pass]])
  expect(kept.take([first, second]).size).toBe(0)
  for (const others of [[first], [first, [4, 6]], [first, [4]], [second, first]]) {
    keep()
    expect(kept.take(others).size).toBe(0)
  }
  keep()
  kept.forget()
  expect(kept.take([first, second]).size).toBe(0)
})
