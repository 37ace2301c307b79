/** The published rules against an independent statement of them: test/goldens/published_rules.py. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseJson } from '../../src/core/json.ts'
import { buildPairs } from '../../src/pairing/index.ts'
import { evaluationSchema, pairingConfigSchema, rubricSchema } from '../../src/records/index.ts'
import {
  parseAnchoredRatings,
  parseAnswer,
  parseComparison,
  parseEvaluation,
  parseProposal,
  parseRubric,
  scoreEvaluation,
} from '../../src/roles/index.ts'
import { exampleOf } from './examples.ts'

const goldenSchema = z.strictObject({
  parse: z.array(
    z.strictObject({
      parser: z.enum(['answer', 'proposal', 'rubric', 'evaluation', 'comparison', 'anchored']),
      text: z.string(),
      expected: z.json(),
    }),
  ),
  score: z.array(
    z.strictObject({ rubric: rubricSchema, evaluation: evaluationSchema, expected: z.number().nullable() }),
  ),
  pair: z.array(
    z.strictObject({
      candidates: z.array(z.tuple([z.string(), z.number().nullable()])),
      bestOf: z.int(),
      minStd: z.number(),
      maxLengthGapWords: z.int(),
      expected: z.union([z.string(), z.tuple([z.int(), z.int()])]),
    }),
  ),
})

const json = parseJson(readFileSync(new URL('../goldens/published-rules.json', import.meta.url), 'utf8'))
const golden = goldenSchema.parse(json.ok ? json.value : null)

const parsers = {
  answer: parseAnswer,
  proposal: parseProposal,
  rubric: parseRubric,
  evaluation: parseEvaluation,
  comparison: parseComparison,
  anchored: parseAnchoredRatings,
}

describe('the published rules, as an independent program states them', () => {
  it.each(golden.parse.map((item, index) => ({ index, ...item })))(
    'parse $index: $parser',
    ({ parser, text, expected }) => {
      expect({ text, result: parsers[parser](text, { dialect: 'published' }) }).toEqual({ text, result: expected })
    },
  )

  it.each(golden.score.map((item, index) => ({ index, ...item })))(
    'score $index',
    ({ rubric, evaluation, expected }) => {
      const score = scoreEvaluation(rubric, evaluation, { missingCriterion: 'zero' })
      if (expected === null) expect(score.status).toBe('unscored')
      else expect(score).toEqual({ status: 'scored', value: expect.closeTo(expected, 12) })
    },
  )

  it.each(golden.pair.map((item, index) => ({ index, ...item })))('pair $index', (item) => {
    const { bestOf, minStd, maxLengthGapWords } = item
    const example = exampleOf(item.candidates.map(([response, score]) => ({ response, score })))
    const { decisions } = buildPairs([example], pairingConfigSchema.parse({ bestOf, minStd, maxLengthGapWords }), 1)
    const outcome = decisions[0]?.outcome
    const found = outcome?.status === 'paired' ? [outcome.chosen, outcome.rejected] : outcome?.reason
    expect(found).toEqual(item.expected)
  })
})
