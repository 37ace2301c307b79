/**
 * Every way of scoring on a real model: the laboratory's checkpoint judges single answers, once, several times over, criterion by
 * criterion, by its log-probs and without a rubric, and compares two of them, by the better one and by two ratings. What scripted
 * verdicts become is shown in src/synthesis/judging. At the end, prompts that it was not raised on: held to a schema each reply is a
 * verdict, if one without sense.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isJsonObject, parseJson, type JsonValue } from '../src/core/json.ts'
import { pairAccuracy } from '../src/evaluation/index.ts'
import { labConfig, labCorpus, labTask } from '../src/lab/index.ts'
import { rescoreRun, runPipeline, type RescoredRound } from '../src/pipeline/index.ts'
import {
  configSchema,
  exampleSchema,
  type Candidate,
  type ChatMessage,
  type Config,
  type Example,
  type ParseResult,
  type SparseConfig,
} from '../src/records/index.ts'
import type { ComparerInput, RoleProfile, TaskProfile } from '../src/roles/index.ts'

const lab = labConfig({ rounds: 1, documents: 4 })
const base: Config = {
  ...lab,
  synthesis: { ...lab.synthesis, candidates: 5 },
  evaluation: { ...lab.evaluation, suites: [] },
}
let dir = ''
let first: Example[] = []

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'pop-scoring-'))
  await runPipeline({
    config: base,
    runDir: join(dir, 'run'),
    task: labTask,
    documents: { heldOut: [], training: labCorpus({ seed: base.seed, documents: 4 }), facts: null },
    synthesisOnly: true,
  })
  first = examples()
}, 300_000)
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function examples(): Example[] {
  const lines = readFileSync(join(dir, 'run', 'round-1', 'examples.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
  return lines.map((line) => {
    const json = parseJson(line)
    return exampleSchema.parse(json.ok ? json.value : null)
  })
}

async function rescore(
  parts: Pick<SparseConfig, 'scoring' | 'curation'>,
  task: TaskProfile = labTask,
  failedOnly = false,
): Promise<RescoredRound> {
  const config = configSchema.parse({ ...base, ...parts })
  const [round] = await rescoreRun({ runDir: join(dir, 'run'), config, task, failedOnly })
  if (round === undefined) throw new Error('no round')
  return round
}

const judged = (list: readonly Example[]): Candidate[] =>
  list.flatMap(({ candidates }) => candidates).filter(({ score }) => score.status === 'scored')

describe('on the laboratory’s checkpoint', () => {
  test('stored answers under unchanged settings cost no call and come out the same', async () => {
    expect(judged(first).length).toBeGreaterThan(8)
    const round = await rescore({})
    expect(round.calls).toBe(0)
    expect(examples()).toEqual(first)
  })

  test('expected ratings stay near the digits and tie less', async () => {
    const round = await rescore({ scoring: { ratings: 'expected' } })
    // One judgement for each answer that can be read, and no other call.
    const readable = first
      .flatMap(({ candidates, rubric }) => (rubric === null ? [] : candidates))
      .filter((c) => c.answer !== null)
    expect(round.calls).toBeGreaterThanOrEqual(readable.length)
    const now = examples()
    const ratings = judged(now).flatMap(({ evaluation }) => evaluation ?? [])
    expect(ratings.length).toBeGreaterThan(16)
    for (const { rating, digit } of ratings) {
      expect(digit, 'every rating has log-probs').toBeDefined()
      // The digit is the likeliest of three, so the expectation cannot be far on the other side.
      expect(Math.abs(rating - (digit ?? 0))).toBeLessThan(4 / 3)
    }
    const distinct = (list: readonly Example[]): number =>
      list.reduce(
        (sum, { candidates }) =>
          sum + new Set(judged([{ ...list[0], candidates } as Example]).map((c) => JSON.stringify(c.score))).size,
        0,
      )
    expect(distinct(now)).toBeGreaterThan(distinct(first))
  })

  test('several readings are all kept, and averaged', async () => {
    await rescore({ scoring: { readings: 3 } })
    for (const { readings = [], score } of judged(examples())) {
      expect(readings).toHaveLength(3)
      const values = readings.flatMap((reading) => (reading.score.status === 'scored' ? [reading.score.value] : []))
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      expect(score).toEqual({ status: 'scored', value: expect.closeTo(mean, 12) })
    }
  })

  test('a call for each criterion asks as often as there are criteria', async () => {
    const round = await rescore({ scoring: { perCriterion: true, secondTry: false } })
    const wanted = first.reduce((sum, { candidates, rubric }) => {
      return sum + (rubric?.length ?? 0) * candidates.filter(({ answer }) => answer !== null).length
    }, 0)
    expect(round.calls).toBe(wanted)
    expect(round.scored).toBeGreaterThan(0)
  })

  test('a second rubric is written, judges everything again, and says whether it agrees', async () => {
    await rescore({ curation: { secondRubric: { minAgreement: 0.3, temperature: 1 } } })
    const compared = examples().filter(({ secondRubric }) => secondRubric !== undefined)
    expect(compared.length).toBeGreaterThan(0)
    for (const { status, secondRubric } of compared) {
      const agrees = (secondRubric?.agreement ?? -1) >= 0.3
      expect(status).toBe(agrees ? 'complete' : 'dropped')
    }
  })

  test('without a rubric nobody writes one, and every answer gets 0, 1 or 2 of the one criterion', async () => {
    const round = await rescore({ scoring: { rubric: 'none' } })
    expect(round.scored).toBeGreaterThan(8)
    for (const { rubric, rubricConversation, candidates } of examples()) {
      if (rubric === null) continue
      expect([rubric, rubricConversation]).toEqual([[labTask.overallCriterion], null])
      for (const { score } of candidates) if (score.status === 'scored') expect([0, 1, 2]).toContain(score.value)
    }
  })

  test.each(['pairwise', 'anchored'] as const)('%s: both orders are asked, read and averaged', async (mode) => {
    const round = await rescore({ scoring: { mode } })
    expect(round.calls).toBeGreaterThan(0)
    const comparisons = examples().flatMap((example) => example.comparisons ?? [])
    const asked = comparisons.filter(({ shownFirst, shownSecond }) => shownFirst !== null && shownSecond !== null)
    const read = asked.filter(({ value }) => value !== null)
    expect(read.length / asked.length, 'readable verdicts').toBeGreaterThan(0.9)
    for (const { value, shownFirst, shownSecond } of read) {
      expect(value).toBeCloseTo((Number(shownFirst) + Number(shownSecond)) / 2)
    }
    for (const { candidates, comparisons: all = [] } of examples()) {
      for (const { index, score } of candidates) {
        const own = all.filter(({ first: a, second: b }) => a === index || b === index)
        if (own.length > 0 && own.every(({ value }) => value === null)) expect(score.status).toBe('unscored')
      }
    }
    expect(judged(examples()).length).toBeGreaterThan(8)
  })

  test.each(['pairwise', 'anchored'] as const)(
    '%s agrees with single scores on which answers are better',
    async (mode) => {
      await rescore({ scoring: { mode } })
      const now = examples()
      const groups = first.map(({ candidates }, i) => {
        const both = candidates.flatMap(({ score }, j) => {
          const other = now[i]?.candidates[j]?.score
          return score.status === 'scored' && other?.status === 'scored'
            ? { truth: score.value, judged: other.value }
            : []
        })
        return { truth: both.map(({ truth }) => truth), judged: both.map((each) => each.judged) }
      })
      const { accuracy, n } = pairAccuracy(groups)
      expect(n).toBeGreaterThan(8)
      expect(accuracy).toBeGreaterThan(0.75)
    },
  )
})

describe('a real model whose reply a schema holds to a verdict', () => {
  const role = <Output>(
    properties: { [key: string]: JsonValue },
    read: (reply: { [key: string]: JsonValue }) => Output,
  ): RoleProfile<ComparerInput, Output> => {
    const messages = ({ problem, answers: [a, b] }: ComparerInput): ChatMessage[] => [
      { role: 'user', content: `Compare.\n\nQuestion: ${problem}\n\nA: ${a}\n\nB: ${b}` },
    ]
    const parse = (text: string): ParseResult<Output> => {
      const json = parseJson(text)
      return json.ok && isJsonObject(json.value)
        ? { ok: true, value: read(json.value) }
        : { ok: false, reason: 'badJson' }
    }
    const schema = { type: 'object', properties, required: Object.keys(properties), additionalProperties: false }
    return {
      sampling: { temperature: 0, topP: 1, maxTokens: 48, attempts: 1 },
      messages,
      parse,
      promptHash: 'schema',
      structured: { format: () => ({ name: 'verdict', schema }), messages, parse },
    }
  }
  const rating = { type: 'integer', enum: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }
  const task: TaskProfile = {
    ...labTask,
    comparer: role({ better_answer: { type: 'string', enum: ['A', 'B'] } }, (reply) =>
      reply['better_answer'] === 'A' ? 'A' : 'B',
    ),
    anchoredRater: role({ rating_A: rating, rating_B: rating }, (reply) => ({
      ratingA: Number(reply['rating_A']),
      ratingB: Number(reply['rating_B']),
    })),
  }

  test.each([
    ['pairwise', 0, 1],
    ['anchored', -10, 10],
  ] as const)(
    'gives every answer a score by comparing: %s',
    async (mode, lowest, highest) => {
      await rescore({ scoring: { mode } }, task)
      const all = examples().filter(({ comparisons = [] }) => comparisons.length > 0)
      expect(all.length).toBeGreaterThan(0)
      for (const { candidates, comparisons = [] } of all) {
        expect(comparisons.every(({ value }) => value !== null)).toBe(true)
        const values = candidates.flatMap(({ score }) => (score.status === 'scored' ? [score.value] : []))
        expect(values).toHaveLength(candidates.filter(({ answer }) => answer !== null).length)
        expect(values.every((value) => value >= lowest && value <= highest)).toBe(true)
        // Every win is another's loss.
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length
        if (mode === 'pairwise') expect(mean).toBeCloseTo(0.5, 9)
      }
    },
    240_000,
  )
})
