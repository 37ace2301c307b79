import { describe, expect, it } from 'vitest'
import type { Candidate } from '../../records/index.ts'
import { bestFirst, ratingsOf } from './answers.ts'

const candidate = (index: number, score: Candidate['score']): Candidate => ({
  index,
  response: '',
  answer: '',
  score,
  evaluationResponse: null,
  evaluation: [
    { name: 'Clear', rating: 0, thoughts: 'first' },
    { name: ' clear', rating: 2, thoughts: 'second' },
    { name: 'short', rating: 1, thoughts: '' },
  ],
})

describe('bestFirst', () => {
  it('puts what has no score behind the lowest score, and keeps the order of equals', () => {
    const candidates = [
      candidate(0, { status: 'unscored', reason: 'badJson' }),
      candidate(1, { status: 'scored', value: -9 }),
      candidate(2, { status: 'scored', value: 3 }),
      candidate(3, { status: 'unscored', reason: 'noTag' }),
      candidate(4, { status: 'scored', value: 3 }),
    ]
    expect(bestFirst(candidates).map(({ index }) => index)).toEqual([2, 4, 1, 0, 3])
  })
})

describe('ratingsOf', () => {
  it('finds a criterion by its name as judges write it, the one that counts last', () => {
    const found = ratingsOf(candidate(0, { status: 'scored', value: 1 }), 'CLEAR ')
    expect(found.map(({ thoughts }) => thoughts)).toEqual(['first', 'second'])
  })
})
