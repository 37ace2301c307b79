/**
 * Every reader of text that a model or a file brings, on text made to hurt: it never throws, and its work does not grow
 * with the square of the length. The tag and JSON parsers alone have more of this in src/roles/parse/parse.test.ts.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expectNoQuadraticTime } from '../../src/core/testing/processor-time.ts'
import { readPreferencePairs } from '../../src/pairing/index.ts'
import type { Rubric } from '../../src/records/index.ts'
import { boxedAnswer, checkBoxed } from '../../src/roles/check/boxed.ts'
import { expectedRatings, readPublishedSamples, replyFailure, scoreEvaluation } from '../../src/roles/index.ts'
import {
  parseAnchoredRatings,
  parseAnswer,
  parseComparison,
  parseEvaluation,
  parseProposal,
  parseRubric,
} from '../../src/roles/parse/index.ts'
import { makeInert } from '../../src/roles/prompt/inert.ts'
import { renderSection } from '../../src/roles/prompt/sections.ts'
import { spreadByLength } from '../../src/roles/spread.ts'
import { anchoredForm, comparisonForm, evaluationForm, rubricForm } from '../../src/roles/structured.ts'

const rubric: Rubric = [
  { name: 'Dose', gold: 'g', description: 'd', weight: 2 },
  { name: '__proto__', gold: 'g', description: 'd', weight: 1 },
]
const facts = { truncated: false }
const scorerInput = { problem: 'p', rubric, answer: 'a' }
const comparerInput = { problem: 'p', rubric, answers: ['a', 'b'] as [string, string] }
const writerInput = { document: null, problem: 'p', referenceAnswer: 'r', candidates: ['a'] }

/** By name: what is done with a text. Numbers that come of it must be finite. */
const readers: Record<string, (text: string) => readonly number[]> = {
  answer: (text) => (parseAnswer(text), []),
  proposal: (text) => (parseProposal(text), []),
  rubric: (text) => weights(parseRubric(text)),
  evaluation: (text) => ratings(parseEvaluation(text)),
  comparison: (text) => (parseComparison(text), []),
  anchored: (text) => sides(parseAnchoredRatings(text)),
  'evaluation by schema': (text) => ratings(evaluationForm.parse(text, facts, scorerInput)),
  'rubric by schema': (text) => weights(rubricForm.parse(text, facts, writerInput)),
  'comparison by schema': (text) => (comparisonForm.parse(text, facts, comparerInput), []),
  'ratings by schema': (text) => sides(anchoredForm.parse(text, facts, comparerInput)),
  'reply failure': (text) => (replyFailure({ text, finishReason: 'length' }, 'noTag'), []),
  refusal: (text) => (replyFailure({ text, finishReason: 'stop' }, 'noTag'), []),
  'expected ratings': (text) =>
    expectedRatings([{ name: 'Dose', thoughts: '', rating: 1 }], text, [
      { offset: 3, logprobs: { '0': -1, '1': -2 } },
    ]).map(({ rating }) => rating),
  'boxed answer': (text) => (
    boxedAnswer(text),
    checkBoxed(text, text),
    checkBoxed(`\\boxed{${text}}`, '\\boxed{1}'),
    []
  ),
  'published samples': (text) => (readPublishedSamples(text.split('\n')), []),
  'preference pairs': (text) => (readPreferencePairs(text.split('\n')), []),
  spread: (text) => (spreadByLength([text, text.slice(1)], { shown: 1, maxWords: 10 }), []),
  'inert markup': (text) => (renderSection('answer', makeInert(text), 'plain'), []),
}

function ratings(result: ReturnType<typeof parseEvaluation>): number[] {
  if (!result.ok) return []
  const score = scoreEvaluation(rubric, result.value, { missingCriterion: 'zero' })
  return [...result.value.map(({ rating }) => rating), ...(score.status === 'scored' ? [score.value] : [])]
}
function weights(result: ReturnType<typeof parseRubric>): number[] {
  return result.ok ? result.value.map(({ weight }) => weight) : []
}
function sides(result: ReturnType<typeof parseAnchoredRatings>): number[] {
  return result.ok ? [result.value.ratingA, result.value.ratingB] : []
}

const piece = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.json(),
  fc.constantFrom(
    '<answer>',
    '</answer>',
    '<rubric>',
    '</rubric>',
    '<evaluation>',
    '</evaluation>',
    '<rating_A>',
    '</rating_A>',
    '{',
    '}',
    '[',
    ']',
    '"',
    '\\',
    '\\u005f',
    '```',
    '...',
    ':',
    ',',
    '\n',
    '\u2028',
    '\ud800',
    '\u0000',
    '__proto__',
    '"rating":',
    '"rating": 2',
    '{"criterion_1": {"thoughts": "t", "rating": 1}}',
    '{"better_answer": "A"}',
    '-0',
    '1e999',
    'NaN',
    'Infinity',
    '\\boxed{',
    '\\frac',
    '1/',
    '{"proposer_problem": "p", "solver_responses": [',
    'null',
    '{"criteria": [',
    '{"chosen": [{"role": "user", "content": "x"}]',
    '</think>',
    "I'm sorry",
    '{"rating_A": 1e308',
  ),
)
const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))

describe.each(Object.entries(readers))('%s', (_name, read) => {
  it('never throws, and gives only finite numbers', () => {
    fc.assert(
      fc.property(text, (value) => {
        if (!read(value).every(Number.isFinite)) throw new Error(`not finite: ${JSON.stringify(value)}`)
      }),
      { numRuns: 200 },
    )
  })

  const units = [
    '{',
    '[',
    '"',
    '\\',
    '\\"',
    ' ',
    '{"a":',
    '"rating":1,',
    '`',
    '<answer>',
    '</',
    '\\boxed{',
    '(1,',
    '</think>',
    "I'm sorry ",
    '{"thoughts":"',
  ]
  it('does not work in the square of the length over 1 MB', () => {
    for (const unit of units) {
      const megabyte = unit.repeat(Math.ceil(1_000_000 / unit.length))
      expectNoQuadraticTime(() => read(megabyte), JSON.stringify(unit))
    }
  })
})

describe('prototype keys', () => {
  it('become no property of anything', () => {
    const planted = '{"__proto__": {"name": "x", "thoughts": "t", "rating": 2, "polluted": true}}'
    for (const read of Object.values(readers))
      for (const wrap of ['', 'evaluation', 'rubric']) read(`<${wrap}>${planted}</${wrap}>`)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})
