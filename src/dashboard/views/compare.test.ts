/** Held-out questions of two rounds: which are held against each other. */
import { describe, expect, it } from 'vitest'
import { otherJudge, pairQuestions, verdict } from './compare.ts'
import type { HeldOutAnswer } from './wire.ts'

const answer = (id: string, asked: string | undefined, score: number | null): HeldOutAnswer => ({
  suite: 'heldout',
  id,
  score,
  sampled: [],
  greedy: null,
  ...(asked === undefined ? {} : { asked }),
})

describe('pairQuestions', () => {
  it('leaves out and counts what bears the same id and is another question', () => {
    const before = { heldOut: [answer('a', 'q1', 0.9), answer('b', 'q2', 0.5), answer('c', undefined, 0.1)] }
    const after = { heldOut: [answer('a', 'q9', 0.1), answer('b', 'q2', 0.75), answer('c', 'q3', 0.2)] }
    const { questions, different } = pairQuestions(before, after, 'heldout')
    expect([questions.map(({ id, change }) => [id, change]), different]).toEqual([
      [
        ['b', 0.25],
        ['c', 0.1],
      ],
      1,
    ])
    expect(verdict(questions)).toMatchObject({ wins: 2, losses: 0 })
    expect(pairQuestions(before, after, 'oracle')).toEqual({ questions: [], different: 0 })
  })
})

describe('otherJudge', () => {
  const side = (...judges: [suite: string, judge: string][]): Parameters<typeof otherJudge>[0] => ({
    evaluations: judges.map(([suite, judge]) => ({ suite, judge })),
  })

  it('names both where one suite was judged by two, and nobody else', () => {
    const before = side(['heldout', 'base'], ['oracle', 'oracle'])
    expect(otherJudge(before, side(['heldout', 'round-1'], ['oracle', 'oracle']), 'heldout')).toEqual([
      'base',
      'round-1',
    ])
    expect(otherJudge(before, side(['heldout', 'round-1'], ['oracle', 'oracle']), 'oracle')).toBeNull()
    expect(otherJudge(before, side(['heldout', 'base']), 'heldout')).toBeNull()
    expect(otherJudge(before, side(), 'heldout')).toBeNull()
  })
})
