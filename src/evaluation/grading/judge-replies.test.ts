/** Readers of judges' replies and of answers on hostile text: none throws, and none takes more than linear time. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Generation, NumberChoice } from '../../records/index.ts'
import { readVerdict } from '../suites/healthbench.ts'
import { readChoice } from './choice-probability.ts'
import { readCriterionScores } from './criterion-scores.ts'
import { readPairVerdict, votesFor } from './pair-verdict.ts'
import { styleOf } from './style.ts'

const reply = (text: string, finishReason: Generation['finishReason'] = 'stop'): Generation => ({
  text,
  finishReason,
  usage: { promptTokens: 0, completionTokens: 0 },
})

test.each([
  ['My verdict: [[A>>B]]', 'A>>B'],
  ['[[A>B]] on first sight, but [[b>a]]', 'B>A'],
  ['[A=B]', 'A=B'],
  ['[[A<<B]] not [B>A]', 'A<<B'],
  ['[[A>>>B]]', null],
  ['[[A>A]]', null],
  ['[[toString]]', null],
  ['A>>B', null],
])('the verdict of %j is %j', (text, label) => {
  expect(readPairVerdict(text)).toBe(label)
})

test('a clear win is three votes for one side and none for the other', () => {
  expect([votesFor('A>>B', 'A'), votesFor('A>>B', 'B'), votesFor('B=A', 'A')]).toEqual([[1, 1, 1], [0, 0, 0], [0.5]])
  expect(() => votesFor('constructor', 'A')).toThrow(RangeError)
})

test.each([
  ['2', 1],
  ['The answer is 1.', 0],
  ['<think>1 or 2?</think>2', 1],
  ['<Thinking>1 or 2?</Thinking>2', 1],
  ['12', null],
  ['1 or 2', null],
  ['', null],
])('the choice of %j is %j', (text, second) => {
  expect(readChoice(reply(text))?.second ?? null).toBe(second)
})

describe('a choice with log-probs', () => {
  const at = (offset: number, first: number, second: number): NumberChoice => ({
    offset,
    logprobs: { '1': Math.log(first), '2': Math.log(second) },
  })
  const withNumbers = (text: string, numbers: NumberChoice[], finishReason?: 'stop' | 'length'): Generation => ({
    ...reply(text, finishReason),
    numbers,
  })

  test('is read at the one number after the reasoning', () => {
    const numbers = [at(7, 0.9, 0.1), at(17, 0.25, 0.75)]
    expect(readChoice(withNumbers('<think>1</think>\n2', numbers))).toEqual({
      second: expect.closeTo(0.75, 12),
      weighted: true,
    })
    expect(readChoice(withNumbers('<think>1</think>\n2', numbers.slice(0, 1)))).toEqual({ second: 1, weighted: false })
  })

  test('is none where a second number stands, or the reply was cut off', () => {
    expect(readChoice(withNumbers('1 is better than 2', [at(0, 0.98, 0.02), at(17, 0.01, 0.99)]))).toBeNull()
    expect(readChoice(withNumbers('<think>Answer 2', [at(14, 0.01, 0.99)], 'length'))).toBeNull()
    expect(readChoice(withNumbers('2', [at(0, 0.01, 0.99)], 'length'))).toBeNull()
  })
})

describe('hostile text', () => {
  const piece = fc.constantFrom(
    '[[',
    ']]',
    'A',
    '>',
    '{',
    '}',
    '"',
    '\\',
    '*',
    '**',
    '```',
    '#',
    '\n',
    ' ',
    ':',
    '-',
    '1',
    '9',
    '.',
    '\u0000',
    '</think>',
  )
  const readers: readonly ((text: string) => unknown)[] = [
    readPairVerdict,
    (text) => readChoice(reply(text)),
    (text) => readCriterionScores(text, ['A', '1', '']),
    (text) => readVerdict(reply(text)),
    styleOf,
  ]

  test('is read without an error', () => {
    fc.assert(
      fc.property(fc.string({ unit: piece, maxLength: 400 }), (text) => {
        for (const read of readers) read(text)
      }),
    )
  })

  // A reader of quadratic time would need minutes for these.
  test.each([
    '[',
    '[[A',
    '{',
    '}',
    '{"',
    '*',
    '**a',
    '``',
    '```',
    '# ',
    '1',
    ' ',
    '\n',
    ':',
    'a: ',
    '__',
    '</think>',
    '9.',
  ])('of half a million characters of %j is read in linear time', (unit) => {
    const text = unit.repeat(Math.ceil(500_000 / unit.length))
    for (const read of readers) read(text)
  })
})
