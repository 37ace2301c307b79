import { expect, test } from 'vitest'
import type { RoundSummary } from '../pipeline/index.ts'
import type { SuiteResult } from '../records/index.ts'
import { gainLines, roundsTable } from './rounds-table.ts'

const result = (round: number, scores: (number | null)[]): SuiteResult => ({
  suite: 'oracle',
  round,
  policy: 'p',
  judge: 'oracle',
  sampled: { mean: 0.4 + round / 10, low: 0.3, high: 0.5, n: scores.length },
  greedy: null,
  validity: 0.991,
  meanAnswerWords: 20.94,
  unscored: 0,
  perQuestion: scores.map((score, i) => ({ id: `q${i}`, score })),
})

const round = (number: number, scores: (number | null)[]): RoundSummary => ({
  round: number,
  results: [result(number, scores)],
  examples: {},
  pairs: 7,
  skipped: {},
  health: null,
  checkpoint: null,
})

test('the table has a line per round, with dashes where nothing was measured', () => {
  const lines = roundsTable({ rounds: [round(0, [0.5]), round(1, [1])] }).split('\n')
  expect(lines).toHaveLength(4)
  expect(lines[2]).toMatch(/^before\s+oracle\s+0\.400 \[0\.300, 0\.500\]\s+–\s+99\.1 %\s+20\.9\s+–$/)
  expect(lines[3]).toMatch(/^round 1\s.*\s7$/)
})

test('the gain is paired by question and leaves out what was not scored both times', () => {
  const [line] = gainLines({ rounds: [round(0, [0.2, null, 0.4]), round(1, [0.7, 0.9, 0.9])] })
  expect(line).toBe('oracle: sampled score +0.500 [+0.500, +0.500] after 1 round, paired over 2 questions')
})

test('there is no gain where the rounds were asked other questions, and a judge that changed is named', () => {
  const asked = (number: number, problem: string, judge: string): RoundSummary => {
    const questions = [{ id: 'q0', problem, rubric: [{ name: 'c', gold: 'g', description: 'd', weight: 1 }] }]
    return { ...round(number, []), results: [{ ...result(number, [number]), judge, questions }] }
  }
  expect(gainLines({ rounds: [asked(0, 'a', 'x'), asked(1, 'b', 'x')] })).toEqual([
    'oracle: not compared after 1 round: no question is the same and scored both times',
    expect.stringMatching(/^ {2}caution: questions not compared.*: 1$/),
  ])
  expect(gainLines({ rounds: [asked(0, 'a', 'x'), asked(1, 'a', 'y')] })).toEqual([
    expect.stringContaining('sampled score +1.000'),
    expect.stringContaining('caution: the judges differ'),
  ])
})

test('there is no gain to speak of before a round is played', () => {
  expect(gainLines({ rounds: [round(0, [0.2])] })).toEqual([])
})

test('a run without an evaluation says so', () => {
  expect(roundsTable({ rounds: [] })).toContain('not evaluated')
})
