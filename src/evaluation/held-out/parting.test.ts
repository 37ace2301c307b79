import { describe, expect, it } from 'vitest'
import { rng } from '../../core/rng.ts'
import { partingOf, type JudgedRound } from './parting.ts'

const scores = (values: readonly (number | null)[]): JudgedRound['first'] =>
  values.map((score, i) => ({ id: `q${i}`, score }))
const flat = (value: number, n = 40): number[] =>
  Array.from({ length: n }, (_, i) => value + (i % 2 === 0 ? 0.01 : -0.01))
const rounds = (...list: [first: (number | null)[], second: (number | null)[]][]): JudgedRound[] =>
  list.map(([first, second], round) => ({ round, first: scores(first), second: scores(second) }))

describe('two judges', () => {
  it('agree while both see the same direction', () => {
    expect(partingOf(rounds([flat(0.4), flat(0.5)], [flat(0.6), flat(0.6)]), 1)?.verdict).toBe('agree')
    expect(partingOf(rounds([flat(0.6), flat(0.6)], [flat(0.4), flat(0.5)]), 1)?.verdict).toBe('agree')
  })

  it('part where the second sees a loss and the first does not, and name the best round before', () => {
    const found = partingOf(
      rounds([flat(0.4), flat(0.5)], [flat(0.5), flat(0.7)], [flat(0.6), flat(0.65)], [flat(0.7), flat(0.55)]),
      1,
    )
    expect(found).toMatchObject({ verdict: 'parted', best: 1, first: { n: 40 }, second: { n: 40 } })
    expect(found?.first.mean).toBeCloseTo(0.2)
    expect(found?.second.mean).toBeCloseTo(-0.15)
  })

  it('do not confirm each other where only the first sees a gain', () => {
    expect(partingOf(rounds([flat(0.4), flat(0.5)], [flat(0.6), flat(0.5)]), 1)).toMatchObject({
      verdict: 'unconfirmed',
      best: 0,
    })
  })

  it('go back to the earliest of equally good rounds', () => {
    expect(partingOf(rounds([flat(0), flat(0.5)], [flat(0), flat(0.5)], [flat(0), flat(0.1)]), 1)?.best).toBe(0)
  })

  it('are compared on the questions that both scored in every round; on a few nothing is said', () => {
    const holes = (value: number, at: number): (number | null)[] =>
      flat(value, 14).map((score, i) => (i === at ? null : score))
    const found = partingOf(rounds([holes(0.4, 0), holes(0.5, 1)], [holes(0.5, 2), holes(0.3, 0)]), 1)
    expect(found).toMatchObject({ verdict: 'parted', second: { n: 11 } })
    expect(found?.second.mean).toBeCloseTo(-0.2)
    expect(partingOf(rounds([flat(0.4, 9), flat(0.5, 9)], [flat(0.5, 9), flat(0.3, 9)]), 1)).toBeUndefined()
    expect(partingOf(rounds([[null], [1]], [[1], [1]]), 1)).toBeUndefined()
    expect(partingOf(rounds([flat(1), flat(1)]), 1)).toBeUndefined()
    expect(partingOf([], 1)).toBeUndefined()
  })

  it('are seldom said to part where nothing changes but noise, over several rounds', () => {
    const runs = 120
    let alarms = 0
    for (let run = 0; run < runs; run++) {
      const random = rng('parting', run)
      const noise = (): number[] => Array.from({ length: 60 }, () => 0.5 + 0.2 * random.normal())
      const played = Array.from({ length: 4 }, (_, round) => ({
        round,
        first: scores(noise()),
        second: scores(noise()),
      }))
      const said = [2, 3, 4].map((n) => partingOf(played.slice(0, n), run)?.verdict)
      if (said.includes('parted')) alarms++
    }
    // Three looks at 2.5 %, of which those count on which the first judge sees no loss: about 4 %.
    expect(alarms / runs).toBeLessThan(0.1)
  })
})
