import { describe, expect, test } from 'vitest'
import { planRows, type Waiting } from './row-plan.ts'

/** Memory for 1,000 tokens. */
const limits = { maxRows: 8, rowsOf: (capacity: number): number => Math.max(1, Math.floor(1000 / capacity)) }
const waiting = (...rooms: number[]): Waiting[] => rooms.map((room) => ({ room, answers: 1 }))

describe('planRows', () => {
  test('lets in those who fit, and gives all rows the length that the longest needs', () => {
    expect(planRows([100], waiting(200, 50), limits)).toEqual({ capacity: 200, rowLimit: 5, admitted: 2 })
  })

  test('a long one waits until there is a place for it, takes none away before, and is not overtaken', () => {
    const queue = waiting(100, 900, 100)
    expect(planRows([], queue, limits)).toEqual({ capacity: 100, rowLimit: 8, admitted: 1 })
    expect(planRows([100], queue.slice(1), limits)).toEqual({ capacity: 100, rowLimit: 8, admitted: 0 })
    expect(planRows([], queue.slice(1), limits)).toEqual({ capacity: 900, rowLimit: 1, admitted: 1 })
  })

  test('one that fits nowhere else has the cache to itself', () => {
    expect(planRows([], waiting(5000), limits)).toEqual({ capacity: 5000, rowLimit: 1, admitted: 1 })
  })

  test('a request with many answers begins with as many as there are places', () => {
    expect(planRows([100], [{ room: 250, answers: 30 }, ...waiting(10)], limits)).toEqual({
      capacity: 250,
      rowLimit: 4,
      admitted: 1,
    })
  })
})
