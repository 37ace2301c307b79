/** The suites' formulas beside what the official code makes of the same judgements (test/goldens/judged.py). */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ScriptedModel } from '../llm/scripted.ts'
import { readCriterionScores } from './grading/criterion-scores.ts'
import { votesFor } from './grading/pair-verdict.ts'
import { styleDifference, styleOf } from './grading/style.ts'
import { lengthControlled, type GamedRow } from './length-control.ts'
import { mean } from './statistics.ts'
import type { EvaluationContext } from './suite.ts'
import { styleControlled, voteBootstrap, voteShare } from './suites/arena-hard-votes.ts'
import { pieceScore } from './suites/creative-writing.ts'
import { clippedMean, healthBenchSuite, itemScore } from './suites/healthbench.ts'

interface Goldens {
  arena: {
    questions: { answer: string; baseline: string; games: [string, string]; counts: [number[], number[]] }[]
    share: number
    votes: number
    styleControlled: number
    styleControlledConverged: number
  }
  alpaca: {
    gamed: { index: number; preference: number; std_delta_len: number; instruction_difficulty: number }[]
    cases: {
      rows: { preference: number; lengths: [number, number] }[]
      length_controlled_v1: number
      length_controlled_minimal: number
      winRate: number
    }[]
  }
  creative: {
    criteria: string[]
    negative: string[]
    replies: string[]
    parsed: Record<string, number>[]
    score: number
  }
  health: {
    examples: { rubrics: { points: number; tags: string[] }[]; tags: string[]; met: boolean[]; score: number }[]
    score: number
    /** Clipped means by tag, and `TAG:n_samples`. */
    metrics: Record<string, number>
  }
}

const goldens = JSON.parse(readFileSync(new URL('../../test/goldens/judged.json', import.meta.url), 'utf8')) as Goldens

describe('Arena-Hard', () => {
  const { questions, share, votes, styleControlled: official, styleControlledConverged: converged } = goldens.arena
  const voted = questions.map(({ answer, baseline, games: [first, second] }) => {
    const style = styleDifference(styleOf(answer), styleOf(baseline))
    return { votes: [...votesFor(second, 'A'), ...votesFor(first, 'B')].map((vote) => ({ vote, style })) }
  })

  test('counts length, headers, lists and bold spans as the official code does', () => {
    for (const { answer, baseline, counts } of questions) {
      for (const [i, text] of [answer, baseline].entries()) {
        const { length, headers, lists, bold } = styleOf(text)
        expect({ text, counted: [length, headers, lists, bold] }).toEqual({ text, counted: counts[i] })
      }
    }
  })

  test('has the official share of votes', () => {
    expect(voted.flatMap((question) => question.votes)).toHaveLength(votes)
    expect(voteShare(voted, 1)?.mean).toBeCloseTo(share, 12)
    const interval = voteBootstrap(voted, 1)
    expect(interval?.n).toBe(votes)
    expect(Math.abs((interval?.mean ?? 0) - share)).toBeLessThan(0.01)
  })

  test('has the style-controlled share that the official fit comes to when it is not stopped after 50 steps', () => {
    const found = styleControlled(voted, 1)?.mean ?? 0
    expect(found).toBeCloseTo(converged, 4)
    expect(Math.abs(found - official)).toBeLessThan(5e-3)
  })
})

describe('AlpacaEval', () => {
  const { gamed, cases } = goldens.alpaca
  const own = gamed.map((row): GamedRow => ({
    preference: row.preference,
    lengthDifference: row.std_delta_len,
    difficulty: row.instruction_difficulty,
  }))
  const difficulties = new Map(gamed.map(({ index, instruction_difficulty }) => [index, instruction_difficulty]))

  test.each(cases.map((one, i) => ({ i, ...one })))('case $i has the official win rates', (one) => {
    const rows = one.rows.map(({ preference, lengths: [baseline, answer] }, i) => ({
      preference: preference - 1,
      lengthDifference: baseline - answer,
      difficulty: difficulties.get(i) ?? null,
    }))
    expect(mean(rows.map(({ preference }) => preference))).toBeCloseTo(one.winRate, 9)
    const controlled = lengthControlled(rows, own, 1)?.mean ?? Number.NaN
    expect(Math.abs(controlled - one.length_controlled_v1)).toBeLessThan(1e-3)
    const minimal = rows.map((row) => ({ ...row, difficulty: null }))
    const alone = lengthControlled(minimal, [], 1)?.mean ?? Number.NaN
    expect(Math.abs(alone - one.length_controlled_minimal)).toBeLessThan(1e-3)
  })
})

test('creative writing reads the scores and has the score that the official code has', () => {
  const { criteria, negative, replies, parsed, score } = goldens.creative
  const faults = new Set(negative)
  const pieces = replies.map((reply, i) => {
    const read = readCriterionScores(reply, criteria)
    expect(Object.fromEntries(read)).toEqual(parsed[i])
    return pieceScore(
      criteria.map((name) => ({ name, score: read.get(name) ?? null })),
      faults,
    )
  })
  expect(mean(pieces.flatMap((piece) => piece ?? [])) * 20).toBeCloseTo(score, 9)
})

describe('HealthBench', () => {
  const { examples, score, metrics } = goldens.health

  test('scores graded rubrics as the official code does', () => {
    for (const { rubrics, met, score: official } of examples) expect(itemScore(rubrics, met)).toBeCloseTo(official, 12)
    expect(
      clippedMean(
        examples.map((example) => example.score),
        1,
      )?.mean,
    ).toBeCloseTo(score, 12)
  })

  test('has the official means of every theme, axis and level, as a suite', async () => {
    const rows = examples.map(({ rubrics, tags }, i) => ({
      prompt_id: String(i),
      prompt: [{ role: 'user', content: 'Hello' }],
      rubrics: rubrics.map((item, k) => ({ ...item, criterion: `item ${i}/${k} end` })),
      example_tags: tags,
    }))
    const judge = new ScriptedModel({
      reply: ({ messages }) => {
        const [, i, k] = /item (\d+)\/(\d+) end/.exec(messages[0]?.content ?? '') ?? []
        return JSON.stringify({ criteria_met: examples[Number(i)]?.met[Number(k)] })
      },
    })
    const suite = healthBenchSuite({
      name: 'healthbench',
      file: { info: { source: 'drawn', sha256: '0', rows: rows.length }, rows },
      judge,
      sampling: { temperature: 0, topP: 1, maxTokens: 8, samples: 1 },
    })
    const policy = new ScriptedModel({ reply: () => 'Answer.' })
    const call: EvaluationContext['call'] = (_key, model, request) => model.generate(request)
    const { greedy, breakdown } = await suite.evaluate({ round: 0, policy, seed: 1, call })
    expect(greedy?.mean).toBeCloseTo(score, 12)
    expect(breakdown?.length).toBe(7)
    for (const { name, value } of breakdown ?? []) {
      expect(value?.mean).toBeCloseTo(metrics[name] ?? Number.NaN, 12)
      expect(value?.n).toBe(metrics[`${name}:n_samples`])
    }
  })
})
