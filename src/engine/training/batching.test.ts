import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketLength, planMicroBatches, rowPositions } from './batching.ts'

describe('bucketLength', () => {
  it('rounds up by a bounded share', () => {
    expect([1, 16, 17, 200, 257, 300, 1000].map(bucketLength)).toEqual([16, 16, 32, 208, 288, 320, 1024])
    for (let length = 128; length < 2000; length++) expect(bucketLength(length) / length).toBeLessThan(1.14)
  })
})

const single = (length: number): { prefix: number; branches: number; length: number } => ({
  prefix: 0,
  branches: 1,
  length,
})

describe('planMicroBatches', () => {
  it('places rows with a common beginning likewise, with as many branches together', () => {
    const size = fc.record({
      prefix: fc.integer({ min: 0, max: 200 }),
      branches: fc.integer({ min: 1, max: 3 }),
      length: fc.integer({ min: 1, max: 200 }),
    })
    fc.assert(
      fc.property(fc.array(size, { maxLength: 40 }), (sizes) => {
        const batches = planMicroBatches(sizes, 512)
        const placed = batches.flatMap(({ items }) => [...items]).sort((a, b) => a - b)
        expect(placed).toEqual(sizes.map((_, index) => index))
        for (const { items, ...batch } of batches) {
          for (const item of items) {
            expect(sizes[item]?.branches).toBe(batch.branches)
            expect(sizes[item]?.prefix).toBeLessThanOrEqual(batch.prefix)
            expect(sizes[item]?.length).toBeLessThanOrEqual(batch.length)
          }
          if (batch.rows > 1) expect(batch.rows * rowPositions(batch)).toBeLessThanOrEqual(512)
        }
      }),
    )
  })

  it('places every sequence once, in rows long enough, within the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 60 }), (lengths) => {
        const batches = planMicroBatches(lengths.map(single), 512)
        const placed = batches.flatMap(({ items }) => [...items]).sort((a, b) => a - b)
        expect(placed).toEqual(lengths.map((_, index) => index))
        for (const { rows, length, items } of batches) {
          expect(items.length).toBe(rows)
          for (const item of items) expect(lengths[item]).toBeLessThanOrEqual(length)
          if (rows > 1) expect(rows * length).toBeLessThanOrEqual(512)
        }
      }),
    )
  })

  it('puts like lengths together', () => {
    const batches = planMicroBatches([10, 100, 11, 101].map(single), 224)
    expect(batches).toEqual([
      { rows: 2, prefix: 0, branches: 1, length: 112, items: [3, 1] },
      { rows: 2, prefix: 0, branches: 1, length: 16, items: [2, 0] },
    ])
  })
})
