import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { niceScale, place, thin, tickText } from './scale.ts'

describe('niceScale', () => {
  it.each([
    [
      [0.23, 0.69],
      [0.2, 0.4, 0.6, 0.8],
    ],
    [
      [-14, 3],
      [-15, -10, -5, 0, 5],
    ],
    [
      [0, 1],
      [0, 0.5, 1],
    ],
    [
      [0, 14],
      [0, 5, 10, 15],
    ],
    [
      [5, 5],
      [2, 4, 6, 8],
    ],
    [[], [0, 0.5, 1]],
  ])('of %j has ticks %j', (values, ticks) => {
    expect(niceScale(values).ticks).toEqual(ticks)
  })

  it('holds every finite value, with few ticks', () => {
    const values = fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 })
    fc.assert(
      fc.property(values, (list) => {
        const { min, max, ticks } = niceScale([...list, NaN, Infinity])
        const room = 1e-9 * Math.max(1, Math.abs(min), Math.abs(max))
        for (const value of list) {
          expect(value).toBeGreaterThanOrEqual(min - room)
          expect(value).toBeLessThanOrEqual(max + room)
        }
        expect(ticks.length).toBeGreaterThan(1)
        expect(ticks.length).toBeLessThan(9)
      }),
    )
  })
})

describe('tickText', () => {
  it('writes no two ticks of an axis alike', () => {
    const value = fc.oneof(
      fc.double({ noNaN: true, min: -1e9, max: 1e9 }),
      fc.double({ noNaN: true, min: 0, max: 1e-5 }),
    )
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), (values) => {
        const written = niceScale(values).ticks.map(tickText)
        expect(new Set(written).size).toBe(written.length)
        for (const [i, tick] of niceScale(values).ticks.entries()) {
          expect(Number(written[i]?.replaceAll(',', ''))).toBe(tick)
        }
      }),
    )
  })

  it.each([
    [0.25, '0.25'],
    [-1500, '-1,500'],
    [2e6, '2e+6'],
    [1.5e-4, '1.5e-4'],
  ])('writes %d as %s', (tick, text) => {
    expect(tickText(tick)).toBe(text)
  })
})

describe('place', () => {
  it('maps the ends to the ends, also upside down', () => {
    expect(place(2, { min: 2, max: 4 }, 100, 0)).toBe(100)
    expect(place(4, { min: 2, max: 4 }, 100, 0)).toBe(0)
    expect(place(3, { min: 2, max: 4 }, 0, 10)).toBe(5)
  })
})

describe('thin', () => {
  it('keeps few values as they are and many as means of equal runs', () => {
    expect(thin([1, 2, 3], 5)).toEqual([1, 2, 3])
    expect(thin([1, 3, 5, 7, 9, 11], 3)).toEqual([2, 6, 10])
    const long = Array.from({ length: 1000 }, (_, i) => i)
    expect(thin(long, 7)).toHaveLength(7)
  })
})
