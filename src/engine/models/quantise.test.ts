import { describe, expect, it } from 'vitest'
import { rng } from '../../core/rng.ts'
import { quantise } from './quantise.ts'

describe('quantise', () => {
  it('gives the transpose, off by at most half a step of each output', () => {
    const [outputs, inputs] = [130, 37]
    const random = rng(1, 'weights')
    const weight = Float32Array.from({ length: outputs * inputs }, () => random.normal())
    const { data, scales } = quantise(weight, { outputs, inputs }, 127)
    let worst = 0
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) {
        const scale = scales[o] ?? 0
        const back = (data[i * outputs + o] ?? 0) * scale
        worst = Math.max(worst, Math.abs(back - (weight[o * inputs + i] ?? 0)) / scale)
      }
    }
    expect(worst).toBeLessThan(0.5001)
    expect(worst).toBeGreaterThan(0.4)
  })

  it('goes up to the limit, and no further', () => {
    const weight = Float32Array.of(1, -0.5, 0.25, -8, 2, 4)
    expect([...quantise(weight, { outputs: 2, inputs: 3 }, 64).data]).toEqual([64, -64, -32, 16, 16, 32])
  })

  it('keeps an output of zeros at zero', () => {
    expect([...quantise(new Float32Array(6), { outputs: 2, inputs: 3 }, 127).data]).toEqual([0, 0, 0, 0, 0, 0])
  })
})
