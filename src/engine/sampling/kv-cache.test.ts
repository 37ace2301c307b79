import { describe, expect, test } from 'vitest'
import { KvCache } from './kv-cache.ts'

const SHAPE = { layers: 2, kvHeads: 3, headDim: 4 }

/** Every element of row `row` gets a value of its own. */
function fillRow(cache: KvCache, row: number): void {
  for (const [index, buffer] of cache.buffers.entries()) {
    for (let i = 0; i < cache.rowLength; i++) buffer[row * cache.rowLength + i] = 1e6 * row + 1e4 * index + i
  }
}

/** The first `length` tokens of a row, by buffer, head and token. */
function contents(cache: KvCache, row: number, length: number): number[][] {
  return cache.buffers.flatMap((buffer) =>
    Array.from({ length: SHAPE.kvHeads }, (_, head) => {
      const start = row * cache.rowLength + head * cache.capacity * SHAPE.headDim
      return Array.from(buffer.subarray(start, start + length * SHAPE.headDim))
    }),
  )
}

describe('KvCache', () => {
  test('copies the tokens of a row and leaves the rest of the target alone', () => {
    const cache = new KvCache(SHAPE, 3, 8)
    fillRow(cache, 0)
    fillRow(cache, 2)
    const tail = contents(cache, 2, 8).map((head) => head.slice(5 * SHAPE.headDim))
    cache.copyRow(0, 2, 5)
    expect(contents(cache, 2, 5)).toEqual(contents(cache, 0, 5))
    expect(contents(cache, 2, 8).map((head) => head.slice(5 * SHAPE.headDim))).toEqual(tail)
    expect(
      contents(cache, 1, 8)
        .flat()
        .every((value) => value === 0),
    ).toBe(true)
  })

  test('a snapshot survives its row and fits any row of any size of cache', () => {
    const cache = new KvCache(SHAPE, 2, 8)
    fillRow(cache, 1)
    const before = contents(cache, 1, 6)
    const snapshot = cache.snapshotRow(1, 6)
    fillRow(cache, 1)
    const other = new KvCache(SHAPE, 4, 16)
    other.restoreRow(snapshot, 3)
    expect(contents(other, 3, 6)).toEqual(before)
  })

  test('a resized cache holds the rows in use', () => {
    const cache = new KvCache(SHAPE, 2, 8)
    fillRow(cache, 0)
    fillRow(cache, 1)
    const before = [contents(cache, 0, 3), contents(cache, 1, 7)]
    cache.resize(8, 32, [3, 7])
    expect([contents(cache, 0, 3), contents(cache, 1, 7)]).toEqual(before)
    expect(cache).toMatchObject({ rows: 8, capacity: 32, rowLength: SHAPE.kvHeads * 32 * SHAPE.headDim })
    cache.resize(1, 4, [3])
    expect(contents(cache, 0, 3)).toEqual(before[0])
  })

  test('rows are views of the cache itself', () => {
    const cache = new KvCache(SHAPE, 3, 8)
    cache.rowsOf(1, 1, 2)[0] = 42
    expect(cache.buffers[1]?.[cache.rowLength]).toBe(42)
    expect(cache.rowsOf(1, 1, 2)).toHaveLength(2 * cache.rowLength)
  })
})
