import { describe, expect, it } from 'vitest'
import { FlatArithmetic } from './flat.ts'

/** Longer than what is copied at a time, and no multiple of it. */
const LENGTH = 2 ** 18 + 13
const values = Float32Array.from({ length: LENGTH }, (_, i) => Math.fround(Math.sin(i)))

describe('FlatArithmetic', () => {
  it('scales a range of a buffer as a loop in float32 does, bit for bit', async () => {
    const arithmetic = new FlatArithmetic({ threads: 1 })
    const x = values.slice()
    await arithmetic.scale(x.subarray(5, LENGTH - 3), 0.875)
    await arithmetic.release()
    const inside = (i: number): boolean => i >= 5 && i < LENGTH - 3
    expect(x).toEqual(values.map((v, i) => (inside(i) ? Math.fround(v * 0.875) : v)))
  })

  it('sums what lies in shared memory in its order, as a loop in float32 does, bit for bit', async () => {
    const arithmetic = new FlatArithmetic({ threads: 1 })
    const parts = [values, values.toReversed(), values.map((v) => v / 3)].map((part) => {
      const shared = new Float32Array(new SharedArrayBuffer(4 * LENGTH))
      shared.set(part)
      return shared
    })
    const sum = values.slice()
    await arithmetic.sum(sum, parts)
    const [a = values, b = values, c = values] = parts
    expect(sum).toEqual(a.map((v, i) => Math.fround(Math.fround(v + (b[i] ?? 0)) + (c[i] ?? 0))))
    await arithmetic.sum(sum, [])
    await arithmetic.release()
    expect(sum.every((v) => v === 0)).toBe(true)
  })

  it('takes buffers of no elements', async () => {
    const arithmetic = new FlatArithmetic({ threads: 1 })
    const empty = new Float32Array()
    await arithmetic.scale(empty, 2)
    await arithmetic.sum(empty, [empty, empty])
    await arithmetic.release()
    expect(empty).toHaveLength(0)
  })
})
