/** What the report says of two judges and of the start: curves, the sentence when they part, and the counts. */
import { describe, expect, it } from 'vitest'
import type { Parting, SuiteResult } from '../../records/index.ts'
import { scoresSection } from './scores.ts'

const estimate = (mean: number): { mean: number; low: number; high: number; n: number } => ({
  mean,
  low: mean - 0.02,
  high: mean + 0.02,
  n: 64,
})
const result = (round: number, first: number, second: number, parting?: Parting): SuiteResult => ({
  suite: 'heldout',
  round,
  policy: `round-${round}`,
  judge: 'start <b>model</b>',
  sampled: estimate(first),
  greedy: null,
  validity: 1,
  meanAnswerWords: 20,
  unscored: 0,
  perQuestion: [],
  detectable: 0.051,
  secondJudgement: {
    judge: 'another',
    sampled: estimate(second),
    unscored: 0,
    perQuestion: [],
    ...(parting === undefined ? {} : { parting }),
  },
  ...(round === 0
    ? {}
    : {
        versusBase: {
          base: 'round-0',
          by: 'orders' as const,
          wins: 40,
          losses: 15,
          ties: 9,
          flips: 7,
          void: 2,
          winRate: estimate(0.695),
          lengthControlled: estimate(0.61),
          p: 0.001,
        },
      }),
})
const change = (verdict: Parting['verdict'], best: number, first: number, second: number): Parting => ({
  verdict,
  best,
  first: { ...estimate(first) },
  second: { ...estimate(second) },
})
const plain = (results: readonly SuiteResult[]): string =>
  scoresSection(results)
    .markup.replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')

describe('two judges in the report', () => {
  it('are two curves in one chart, with every interval', () => {
    const page = scoresSection([result(0, 0.3, 0.4), result(1, 0.5, 0.45, change('agree', 0, 0.2, 0.05))]).markup
    expect(page).toContain('heldout, two judges')
    expect(page).toContain('start &lt;b&gt;model&lt;/b&gt;: 0.500 [0.480, 0.520]')
    expect(page).toContain('another: 0.450 [0.430, 0.470]')
    expect(page).not.toContain('<b>model')
    expect(plain([result(0, 0.3, 0.4), result(1, 0.5, 0.45, change('agree', 0, 0.2, 0.05))])).toContain(
      'The second judge saw no loss',
    )
  })

  it('part at a round, by figures with n, and send back to the best one', () => {
    const text = plain([
      result(0, 0.3, 0.4),
      result(1, 0.5, 0.5, change('agree', 0, 0.2, 0.1)),
      result(2, 0.6, 0.4, change('parted', 1, 0.1, -0.1)),
      result(3, 0.7, 0.3, change('parted', 1, 0.2, -0.2)),
    ])
    expect(text).toContain('The judges part at round 2.')
    expect(text).toContain('Since round 1 the training judge sees +0.100 [+0.080, +0.120], the second judge −0.100')
    expect(text).toContain('(n 64)')
    expect(text).toContain('go back to round 1')
    expect(text).not.toContain('part at round 3')
  })

  it('are all named where a round was judged by another one', () => {
    const [before, after] = [result(0, 0.3, 0.4), { ...result(1, 0.5, 0.5), judge: 'new' }]
    const second = { judge: 'third', sampled: estimate(0.5), unscored: 0, perQuestion: [] }
    const text = plain([before, { ...after, secondJudgement: second }])
    expect(text).toContain('heldout score, judged by start &lt;b&gt;model&lt;/b&gt;, then by new')
    expect(text).toContain('training judge: start &lt;b&gt;model&lt;/b&gt;, then by new')
    expect(text).toContain('second judge: another, then by third')
    expect(plain([before, result(1, 0.5, 0.5)])).not.toContain('then by')
  })

  it('may not confirm each other, and of a single judge nothing is said', () => {
    const doubtful = plain([result(0, 0.3, 0.4), result(1, 0.5, 0.4, change('unconfirmed', 0, 0.2, 0))])
    expect(doubtful).toContain('Not confirmed at round 1. Since the start the training judge sees')
    const { secondJudgement: _second, ...alone } = result(0, 0.3, 0.4)
    expect(plain([alone])).not.toContain('judges')
  })
})

describe('wins against the start', () => {
  it('are counted with their intervals, flips and gaps', () => {
    const text = plain([result(0, 0.3, 0.4), result(1, 0.5, 0.5)])
    expect(text).toContain('against round-0:')
    expect(text).toContain('round 1 0.695 [0.675, 0.715] 0.610 [0.590, 0.630] 0.001 40 9 15 7 2 64')
  })
})
