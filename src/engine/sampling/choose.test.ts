import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NumericalError } from '../../core/errors.ts'
import { rng } from '../../core/rng.ts'
import { chooseToken } from './choose.ts'
import type { ChooseOptions } from './choose.ts'

const PLAIN: ChooseOptions = { temperature: 1, topP: 1, topK: 0 }

function normalised(weights: readonly number[]): Float32Array {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return Float32Array.from(weights, (weight) => weight / sum)
}

/** Which tokens top-k and top-p leave, the long way: sort everything, take from the top. */
function kept(probabilities: Float32Array, { topK, topP }: ChooseOptions): Set<number> {
  const order = [...probabilities.keys()].sort((a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0) || a - b)
  const byK = topK > 0 ? order.slice(0, topK) : order
  const mass = byK.reduce((sum, token) => sum + (probabilities[token] ?? 0), 0)
  const result = new Set<number>()
  let sum = 0
  for (const token of byK) {
    if (topP < 1 && sum >= topP * mass) break
    result.add(token)
    sum += probabilities[token] ?? 0
  }
  return result
}

function frequencies(probabilities: Float32Array, options: ChooseOptions, draws: number): number[] {
  const random = rng(3, 'frequencies')
  const counts = Array.from(probabilities, () => 0)
  const logprobs = probabilities.map(Math.log)
  for (let i = 0; i < draws; i++) {
    const token = chooseToken(logprobs, probabilities, options, random.uniform())
    counts[token] = (counts[token] ?? 0) + 1
  }
  return counts.map((count) => count / draws)
}

describe('chooseToken', () => {
  test('greedy takes the most likely token, the first of equals', () => {
    const logprobs = Float32Array.of(-3, -1, -2, -1)
    expect(chooseToken(logprobs, logprobs.map(Math.exp), { ...PLAIN, temperature: 0 }, 0.99)).toBe(1)
  })

  test('draws each token as often as its probability says', () => {
    const probabilities = normalised([5, 1, 3, 0, 1])
    const got = frequencies(probabilities, PLAIN, 20_000)
    // Four standard errors of a frequency of 0.5 over 20,000 draws are 0.014.
    for (const [token, probability] of probabilities.entries()) expect(got[token]).toBeCloseTo(probability, 1.7)
    expect(got[3]).toBe(0)
  })

  test('top-k and top-p leave the tokens that a full sort leaves, in their proportions', () => {
    const probabilities = normalised([8, 1, 4, 2, 1, 4])
    for (const options of [
      { ...PLAIN, topK: 3 },
      { ...PLAIN, topP: 0.7 },
      { ...PLAIN, topK: 3, topP: 0.7 },
      { ...PLAIN, topK: 1 },
      { ...PLAIN, topP: 1e-9 },
    ]) {
      const allowed = kept(probabilities, options)
      const mass = [...allowed].reduce((sum, token) => sum + (probabilities[token] ?? 0), 0)
      for (const [token, frequency] of frequencies(probabilities, options, 20_000).entries()) {
        expect(frequency).toBeCloseTo(allowed.has(token) ? (probabilities[token] ?? 0) / mass : 0, 1.7)
      }
    }
  })

  test('never leaves the kept set, whatever the distribution', () => {
    const weights = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 60 })
    fc.assert(
      fc.property(
        weights.filter((list) => list.some((weight) => weight > 0.01)),
        fc.integer({ min: 0, max: 70 }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        (list, topK, topP, uniform) => {
          const probabilities = normalised(list)
          const options = { temperature: 1, topK, topP }
          const token = chooseToken(probabilities.map(Math.log), probabilities, options, uniform)
          expect(probabilities[token]).toBeGreaterThan(0)
          // Rounding may put a token just beyond the threshold into one set and not the other.
          const slightlyMore = kept(probabilities, { ...options, topP: Math.min(1, topP + 1e-5) })
          expect(slightlyMore.has(token)).toBe(true)
        },
      ),
      { numRuns: 500, seed: 5 },
    )
  })

  test('a random number just below 1 gives a possible token even when the sum falls short', () => {
    const probabilities = Float32Array.of(0.3, 0.6999999, 0, 0)
    expect(chooseToken(probabilities.map(Math.log), probabilities, PLAIN, 0.99999999)).toBe(1)
  })

  test('refuses a distribution that is not made of numbers', () => {
    const broken = Float32Array.of(NaN, NaN)
    for (const options of [PLAIN, { ...PLAIN, temperature: 0 }, { ...PLAIN, topP: 0.5 }, { ...PLAIN, topK: 1 }]) {
      expect(() => chooseToken(broken, broken, options, 0.5)).toThrow(NumericalError)
    }
  })
})
