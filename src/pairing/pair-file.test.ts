import { describe, expect, it } from 'vitest'
import { readPreferencePairs } from './pair-file.ts'

const user = { role: 'user', content: 'q' }
const good = { role: 'assistant', content: 'good' }
const bad = { role: 'assistant', content: 'bad' }

describe('readPreferencePairs', () => {
  it('reads pairs of whole conversations', () => {
    const pair = {
      role: 'solver',
      chosen: [user, good],
      rejected: [user, bad],
      chosen_score: 2,
      rejected_score: -1,
      ref_answer: 'r',
    }
    expect(readPreferencePairs([JSON.stringify(pair), '', '  '])).toEqual({ pairs: [pair], badLines: [] })
  })

  it('reads the conversational format of TRL, with the prompt apart or within', () => {
    const lines = [
      JSON.stringify({ prompt: [user], chosen: [good], rejected: [bad] }),
      JSON.stringify({ chosen: [user, { ...good, name: 'x' }], rejected: [user, bad], score_chosen: 3 }),
    ]
    const pair = { role: 'solver', chosen: [user, good], rejected: [user, bad] }
    expect(readPreferencePairs(lines)).toEqual({ pairs: [pair, pair], badLines: [] })
  })

  it.each([
    ['{"chosen": [', /^not JSON/],
    ['{"prompt": "q", "chosen": "good", "rejected": "bad"}', /lists of \{role, content\} messages are needed/],
    [JSON.stringify({ prompt: [user], chosen: [good] }), /^rejected: /],
    [JSON.stringify({ prompt: [user], chosen: [], rejected: [bad] }), /^chosen: /],
    [JSON.stringify({ chosen: [{ role: 'bot', content: '' }], rejected: [user, bad] }), /^chosen\.0\.role: /],
    [JSON.stringify({ chosen: [user], rejected: [user, bad] }), /chosen does not end with an assistant message/],
    [JSON.stringify({ chosen: [good], rejected: [bad] }), /no prompt/],
    [JSON.stringify({ chosen: [user, good], rejected: [{ ...user, content: 'other' }, bad] }), /different prompts/],
    ['null', /^row: /],
  ])('counts %s with its reason and goes on', (line, reason) => {
    const { pairs, badLines } = readPreferencePairs([
      line,
      JSON.stringify({ prompt: [user], chosen: [good], rejected: [bad] }),
    ])
    expect(pairs).toHaveLength(1)
    expect(badLines).toEqual([{ line: 1, reason: expect.stringMatching(reason) }])
  })
})
