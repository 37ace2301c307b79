/** The rates against the start, worked by hand, and the length's part in them. */
import { describe, expect, it } from 'vitest'
import { rng } from '../../core/rng.ts'
import { winRateAtEqualLength, type LengthOutcome } from './equal-length.ts'
import { tally, type Duel } from './versus-base.ts'

const duel = (outcome: Duel['outcome'], flipped = false): Duel => ({ outcome, flipped, longer: 0 })

describe('the win rate', () => {
  it('counts a tie half, leaves out what was not judged, and tests wins against losses exactly', () => {
    const found = tally([duel(1), duel(1), duel(1), duel(0), duel(0.5), duel(0.5, true), duel(null)], 1)
    expect(found).toMatchObject({ wins: 3, losses: 1, ties: 2, flips: 1, void: 1, lengthControlled: null })
    expect(found.winRate).toMatchObject({ mean: (3 + 1) / 6, n: 6 })
    // Two-sided binomial of 1 in 4: 2 · (1 + 4) / 16.
    expect(found.p).toBeCloseTo(10 / 16, 12)
  })

  it('is none where nothing was judged, and without a test where all are ties', () => {
    expect(tally([duel(null)], 1)).toMatchObject({ winRate: null, p: null, void: 1 })
    expect(tally([duel(0.5)], 1)).toMatchObject({ winRate: { mean: 0.5, n: 1 }, p: null })
  })
})

describe('the win rate at equal length', () => {
  const outcomes = (chance: (longer: number) => number, shift: number): LengthOutcome[] => {
    const random = rng('length', shift)
    return Array.from({ length: 400 }, () => {
      const longer = shift + 30 * random.normal()
      return { longer, outcome: random.uniform() < chance(longer) ? 1 : 0 }
    })
  }

  it('takes away what a taste for long answers gave', () => {
    const taste = outcomes((longer) => 1 / (1 + Math.exp(-longer / 20)), 30)
    const raw = taste.reduce((sum, { outcome }) => sum + outcome, 0) / taste.length
    expect(raw).toBeGreaterThan(0.7)
    const found = winRateAtEqualLength(taste, 1)
    expect(found?.low).toBeLessThan(0.5)
    expect(found?.high).toBeGreaterThan(0.5)
    expect(found?.n).toBe(400)
  })

  it('leaves a win that does not hang on length', () => {
    const found = winRateAtEqualLength(
      outcomes(() => 0.8, 30),
      1,
    )
    expect(found?.low).toBeGreaterThan(0.6)
    expect(found?.mean).toBeGreaterThan(0.7)
  })

  it('is the plain rate where all lengths are equal, and none for few', () => {
    const same = Array.from({ length: 20 }, (_, i) => ({ longer: 5, outcome: i < 15 ? 1 : 0 }))
    expect(winRateAtEqualLength(same, 1)?.mean).toBeCloseTo(0.75, 5)
    expect(winRateAtEqualLength(same.slice(0, 9), 1)).toBeNull()
  })
})
