/** The public surface as a contract: a name that disappears, or appears by accident, is a decision and changes this file. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as api from '../src/index.ts'
import * as engine from '../src/engine/index.ts'
import * as llm from '../src/llm/index.ts'
import * as records from '../src/records/index.ts'

describe('the public API', () => {
  it('exports these names', () => {
    expect(Object.keys(api).sort()).toEqual([
      'buildPairs',
      'objectives',
      'parseAnchoredRatings',
      'parseAnswer',
      'parseComparison',
      'parseEvaluation',
      'parseProposal',
      'parseRubric',
      'runPipeline',
      'scoreEvaluation',
    ])
  })

  it('parses without throwing, and says why it could not', () => {
    const parsers = [
      api.parseProposal,
      api.parseAnswer,
      api.parseRubric,
      api.parseEvaluation,
      api.parseComparison,
      api.parseAnchoredRatings,
    ]
    const reasons = records.parseFailureSchema.options
    for (const parse of parsers) {
      for (const dialect of ['published', 'lenient'] as const) {
        const result = parse('<answer>', { dialect })
        expect(result.ok).toBe(false)
        if (!result.ok) expect(reasons).toContain(result.reason)
      }
    }
  })

  it('scores and pairs what it parsed', () => {
    const rubric = api.parseRubric(
      '<rubric>{"criterion_1": {"name": "a", "gold": "g", "description": "d", "weight": 3}, "criterion_2": {"name": "b", "gold": "g", "description": "d", "weight": 1}}</rubric>',
    )
    const evaluation = api.parseEvaluation(
      '<evaluation>{"criterion_1": {"name": "a", "thoughts": "t", "rating": 2}, "criterion_2": {"name": "b", "thoughts": "t", "rating": 0}}</evaluation>',
    )
    if (!rubric.ok || !evaluation.ok) throw new Error('valid texts do not parse')
    const score = api.scoreEvaluation(rubric.value, evaluation.value, { missingCriterion: 'zero' })
    expect(score).toEqual({ status: 'scored', value: 6 / 4 })
    const { pairing } = records.configSchema.parse({
      corpus: { source: 'x' },
      model: { backend: 'embedded', path: 'x' },
    })
    expect(api.buildPairs([], pairing, 1).pairs).toEqual([])
  })

  it('serves every subpath that package.json promises', () => {
    const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      exports: Record<string, object>
    }
    expect(Object.keys(manifest.exports)).toEqual(['.', './records', './engine', './llm'])
    expect(Object.keys(records)).toContain('configSchema')
    expect(Object.keys(engine)).toEqual(expect.arrayContaining(['Engine', 'Tokenizer']))
    expect(Object.keys(llm)).toEqual(expect.arrayContaining(['EmbeddedLanguageModel']))
  })
})
