import { describe, expect, it } from 'vitest'
import { FlatArithmetic } from './flat.ts'

/** Longer than what is copied at a time, and no multiple of it. */
const LENGTH = 2 ** 18 + 13
const values = Float32Array.from({ length: LENGTH }, (_, i) => Math.fround(Math.sin(i)))

describe('FlatArithmetic', () => {
  it('scales and adds as a loop in float32 does, bit for bit, also ranges of a buffer', async () => {
    const arithmetic = new FlatArithmetic({ threads: 1 })
    const x = values.slice()
    await arithmetic.scale(x.subarray(5, LENGTH - 3), 0.875)
    const y = new Float32Array(new SharedArrayBuffer(4 * LENGTH))
    y.set(values.toReversed())
    await arithmetic.add(x, y)
    await arithmetic.release()
    const inside = (i: number): boolean => i >= 5 && i < LENGTH - 3
    const expected = values.map((v, i) => Math.fround((inside(i) ? Math.fround(v * 0.875) : v) + (y[i] ?? 0)))
    expect(x).toEqual(expected)
  })

  it('takes buffers of no elements', async () => {
    const arithmetic = new FlatArithmetic({ threads: 1 })
    const empty = new Float32Array()
    await arithmetic.scale(empty, 2)
    await arithmetic.add(empty, empty)
    await arithmetic.release()
    expect(empty).toHaveLength(0)
  })
})
