import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketLength, planMicroBatches } from './batching.ts'
import type { GroupSize } from './batching.ts'

describe('bucketLength', () => {
  it('rounds up by a bounded share', () => {
    expect([1, 32, 33, 200, 257, 300, 520, 1000].map(bucketLength)).toEqual([32, 32, 64, 224, 288, 320, 576, 1024])
    for (let length = 256; length < 2000; length++) expect(bucketLength(length) / length).toBeLessThan(1.13)
  })
})

const single = (length: number): GroupSize => ({ tokens: length, sequences: 1, length })

describe('planMicroBatches', () => {
  const anyGroup = fc
    .record({
      prefix: fc.integer({ min: 0, max: 200 }),
      rests: fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 3 }),
    })
    .map(({ prefix, rests }): GroupSize => ({
      tokens: prefix + rests.reduce((sum, rest) => sum + rest, 0),
      sequences: rests.length,
      length: prefix + Math.max(...rests),
    }))

  it('places every group once, in rows long enough, within the limit', () => {
    fc.assert(
      fc.property(fc.array(anyGroup, { maxLength: 40 }), (sizes) => {
        const batches = planMicroBatches(sizes, 512)
        const placed = batches.flatMap(({ items }) => [...items]).sort((a, b) => a - b)
        expect(placed).toEqual(sizes.map((_, index) => index))
        for (const { items, tokens, rows, length, copies } of batches) {
          const groups = items.flatMap((item) => sizes.slice(item, item + 1))
          expect(tokens).toBe(groups.reduce((sum, group) => sum + group.tokens, 0))
          expect(rows).toBe(groups.reduce((sum, group) => sum + group.sequences, 0))
          expect(copies).toBe(Math.max(...groups.map(({ sequences }) => sequences)))
          expect(length).toBe(bucketLength(Math.max(...groups.map((group) => group.length))))
          if (items.length === 1) continue
          expect(tokens).toBeLessThanOrEqual(512)
          expect(rows * length).toBeLessThanOrEqual(length > 64 ? 512 : 1024)
        }
      }),
    )
  })

  it('puts like lengths together, those with and without a common beginning alike', () => {
    const pair = { tokens: 150, sequences: 2, length: 100 }
    const short = Array.from({ length: 9 }, () => 11)
    expect(planMicroBatches([10, 100, ...short, 101].map(single).concat(pair), 512)).toEqual([
      { items: [11, 1, 12], tokens: 351, rows: 4, length: 128, copies: 2 },
      { items: [2, 3, 4, 5, 6, 7, 8, 9, 10, 0], tokens: 109, rows: 10, length: 32, copies: 1 },
    ])
  })
})
