import { describe, expect, it } from 'vitest'
import { csvOf, namedRows } from './table.ts'
import { outcomeTable, questionTable } from './tables.ts'
import type { RoundOverview } from './wire.ts'

describe('a table that is taken along', () => {
  it('holds numbers as they are, also negative ones, and whole texts', () => {
    const id = `a "question", ${'long '.repeat(30)}`
    const answer = { suite: 'held-out', sampled: [], greedy: null }
    const table = questionTable([
      {
        suite: 'held-out',
        id,
        before: { ...answer, id, score: 1234.123456 },
        after: { ...answer, id, score: null },
        change: -0.123456789,
      },
    ])
    expect(namedRows(table)).toEqual([{ question: id, before: 1234.123456, after: null, change: -0.123456789 }])
    expect(csvOf(table)).toBe(
      `question,before,after,change\r\n"${id.replaceAll('"', '""')}",1234.123456,,-0.123456789\r\n`,
    )
  })

  it('runs nothing in a spreadsheet: a text that begins like a formula is defused, one that is a number is left', () => {
    const rows = [['=1+1', '+1', '@a', '-1-1', '-0.25', -0.25, Infinity]]
    expect(csvOf({ header: ['a'], rows })).toBe("a\r\n'=1+1,'+1,'@a,'-1-1,-0.25,-0.25,\r\n")
  })

  it('keeps every column, also those of one name', () => {
    const rows = [[1, 2, 3, 4, 5]]
    expect(namedRows({ header: ['score', 'clarity', 'clarity', 'clarity 2', 'clarity'], rows })).toEqual([
      { score: 1, clarity: 2, 'clarity 2': 3, 'clarity 2 2': 4, 'clarity 3': 5 },
    ])
    expect(JSON.stringify(namedRows({ header: ['__proto__'], rows: [[1]] }))).toBe('[{"__proto__":1}]')
  })

  it('counts each outcome in a column of its own, 0 where a round has none', () => {
    const round = (number: number, changes: Partial<RoundOverview>): RoundOverview => ({
      round: number,
      stages: [],
      questions: 3,
      plannedQuestions: 4,
      statuses: {},
      outcomes: {},
      unscored: {},
      invalid: 0,
      candidates: 12,
      scored: 10,
      pairs: 2,
      steps: [],
      evaluations: [],
      health: null,
      ...changes,
    })
    const rounds = [round(1, { statuses: { complete: 3 } }), round(2, { statuses: { complete: 2, dropped: 1 } })]
    expect(namedRows(outcomeTable(rounds))).toEqual([
      { round: 1, questions: 3, planned: 4, answers: 12, scored: 10, 'status: complete': 3, 'status: dropped': 0 },
      { round: 2, questions: 3, planned: 4, answers: 12, scored: 10, 'status: complete': 2, 'status: dropped': 1 },
    ])
  })
})
