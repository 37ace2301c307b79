/** The measures, each on examples whose truth is known by construction or counted out in the plainest way. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exampleOf, type GivenCandidate } from '../../test/method/examples.ts'
import { rng } from '../core/rng.ts'
import {
  healthConfigSchema,
  skipReasonSchema,
  type Candidate,
  type Example,
  type HealthReport,
} from '../records/index.ts'
import { HealthCollector, healthLines, healthSummary, type EvaluationSet } from './index.ts'

interface Settings {
  readonly config?: object
  readonly mode?: string
  readonly sets?: readonly EvaluationSet[]
  readonly skipped?: Readonly<Record<string, number>>
}

function report(
  examples: readonly Example[],
  { config = {}, mode = 'pointwise', sets = [], skipped = {} }: Settings = {},
): HealthReport {
  const collector = new HealthCollector({
    round: 1,
    config: healthConfigSchema.parse(config),
    minStd: 0.001,
    mode,
    evaluationSets: sets,
  })
  for (const example of examples) collector.add(example)
  return collector.finish({ pairs: examples.length, skipped })
}

function check(of: HealthReport, name: string): HealthReport['checks'][number] {
  const found = of.checks.find((one) => one.name === name)
  if (found === undefined) throw new Error(`no check ${name}`)
  return found
}

const scored = (id: string, ...scores: (number | null)[]): Example =>
  exampleOf(
    scores.map((score, i) => ({ response: `answer ${'w '.repeat(i)}`, score })),
    id,
  )

const candidate = (example: Example, changes: readonly Partial<Candidate>[]): Example => ({
  ...example,
  candidates: example.candidates.map((one, i) => ({ ...one, ...changes[i] })),
})

describe('ties and spread', () => {
  it('are counted over questions and over pairs of answers', () => {
    // Standard deviations 0, 1 and 0.5; of 1 + 6 + 1 pairs of answers 1 + 2 + 0 are tied.
    const found = report([scored('a', 1, 1), scored('b', 0, 2, 0, 2), scored('c', 1, 2), scored('d', 1, null)])
    expect(check(found, 'tiedQuestions')).toMatchObject({ value: 1 / 3, of: 3, state: 'good' })
    expect(check(found, 'tiedAnswers')).toMatchObject({ value: 3 / 8, of: 8 })
    expect(check(found, 'scoreSpread')).toMatchObject({ value: 0.5, of: 3, limit: 'least' })
  })

  it('are what comparing all with all counts', () => {
    const list = fc.array(fc.array(fc.constantFrom(0, 0.5, 1), { maxLength: 8 }), { maxLength: 8 })
    fc.assert(
      fc.property(list, (questions) => {
        let [tied, compared] = [0, 0]
        for (const values of questions) {
          for (const [i, a] of values.entries()) {
            for (const b of values.slice(i + 1)) {
              compared++
              if (a === b) tied++
            }
          }
        }
        const found = check(report(questions.map((values, i) => scored(`d${i}`, ...values))), 'tiedAnswers')
        expect(found.of).toBe(compared)
        expect(found.value).toBe(compared === 0 ? null : tied / compared)
      }),
    )
  })
})

describe('roles', () => {
  it('have their share of usable replies, and the reasons why the others are not', () => {
    const failed = (status: Example['status'], failure: string): Example => ({
      ...scored('x'),
      status,
      failure,
      candidates: [],
    })
    const judged = candidate(scored('y', 1, 2, null, null), [
      {},
      {},
      { score: { status: 'unscored', reason: 'truncated' } },
      { answer: null, invalid: 'noTag', score: { status: 'unscored', reason: 'invalidAnswer' } },
    ])
    const found = report([
      { ...failed('proposalFailed', 'no readable question in 3 attempts: noTag ×2, empty ×1'), question: null },
      { ...failed('proposalFailed', 'the call failed: 503'), question: null },
      failed('rubricFailed', 'the rubric is unreadable: badJson ×1'),
      { ...judged, rubric: [], rubricConversation: [] },
    ])
    expect(found.roles).toEqual([
      { role: 'proposer', asked: 4, valid: 2, reasons: { noTag: 1, empty: 1, callFailed: 1 } },
      { role: 'solver', asked: 4, valid: 3, reasons: { noTag: 1 } },
      { role: 'rubric', asked: 2, valid: 1, reasons: { badJson: 1 } },
      { role: 'scorer', asked: 3, valid: 2, reasons: { truncated: 1 } },
    ])
    expect(check(found, 'validAnswers')).toMatchObject({
      value: 0.75,
      state: 'warning',
      advice: expect.stringContaining('solver'),
    })
    // `scoring.rubric: none`: a rubric that nobody was asked for is no reply.
    const unasked = report([{ ...judged, rubric: [], rubricConversation: null }])
    expect(unasked.roles).toContainEqual({ role: 'rubric', asked: 0, valid: 0, reasons: {} })
  })
})

describe('criteria', () => {
  it('that rate every answer alike are counted, and what they all rated', () => {
    const rate = (...ratings: [string, number][]): Partial<Candidate> => ({
      evaluation: ratings.map(([name, rating]) => ({ name, thoughts: '', rating })),
    })
    const rubric = ['Flat', 'Sharp', 'Once', 'Unused'].map((name) => ({ name, gold: '', description: '', weight: 1 }))
    const example = candidate(scored('a', 1, 2, null), [
      rate([' flat ', 2], ['Sharp', 0], ['Once', 1], ['Unused', 1]),
      rate(['FLAT', 7], ['Sharp', 2], ['Unused', 1]),
    ])
    const found = report([{ ...example, rubric, unusedCriteria: ['Unused'] }])
    expect(found.criteria).toMatchObject({ count: 2, flat: 1, flatAt: { 2: 1 } })
    expect(found.criteria.examples).toEqual([expect.stringMatching(/^Flat \(2\): question of a/)])
    expect(check(found, 'flatCriteria')).toMatchObject({ value: 0.5, of: 2 })
  })
})

describe('length', () => {
  it('correlates with the score within questions, whatever the sign', () => {
    const up = scored('a', 0, 1, 2)
    const down = scored('b', 2, 1, 0)
    expect(report([up, up]).lengthCorrelation).toBeCloseTo(1, 12)
    expect(check(report([down]), 'lengthCorrelation')).toMatchObject({ value: 1, of: 1, state: 'warning' })
    expect(report([up, down]).lengthCorrelation).toBeCloseTo(0, 12)
    expect(report([scored('c', 1, 1, 1), scored('d', 1, 2)]).lengthCorrelation).toBeNull()
  })
})

describe('the judge', () => {
  it('is as noisy as its readings were made', () => {
    const random = rng(1)
    // Answers differ with variance 4, readings of one answer with variance 1: a fifth of the variance is noise.
    const reading = (value: number): NonNullable<Candidate['readings']>[number] => ({
      response: '',
      evaluation: null,
      score: { status: 'scored', value },
    })
    const examples = Array.from({ length: 200 }, (_, q) =>
      candidate(
        scored(`d${q}`, ...Array<number>(16).fill(1)),
        Array.from({ length: 16 }, () => {
          const truth = 2 * random.normal()
          return { readings: Array.from({ length: 3 }, () => reading(truth + random.normal())) }
        }),
      ),
    )
    const found = check(report(examples), 'judgeNoise')
    expect(found.of).toBe(3200)
    expect(Math.abs((found.value ?? 0) - 0.2)).toBeLessThan(0.02)
    expect(check(report([scored('a', 1, 2)]), 'judgeNoise')).toMatchObject({ value: null, state: 'unknown' })
  })

  it('flips when its two orders contradict, and likes the first place as often as it says so', () => {
    const comparison = (
      shownFirst: number | 'noTag',
      shownSecond: number,
    ): NonNullable<Example['comparisons']>[number] => ({
      first: 0,
      second: 1,
      shownFirst,
      shownSecond,
      value: null,
    })
    const flips = (mode: string, ...comparisons: NonNullable<Example['comparisons']>): HealthReport =>
      report([{ ...scored('a', 0, 1), comparisons }], { mode })
    // Right twice; first place twice; identical texts; half void.
    const pairwise = flips('pairwise', comparison(1, 1), comparison(1, 0), comparison(0.5, 0.5), comparison('noTag', 1))
    expect(pairwise.order).toEqual({ compared: 2, flipped: 1, firstShown: 3 / 4 })
    expect(check(pairwise, 'orderFlips')).toMatchObject({ value: 0.5, state: 'warning' })
    const anchored = flips('anchored', comparison(3, 2), comparison(-1, 4), comparison(0, 2), comparison(0.25, 0.25))
    expect(anchored.order).toEqual({ compared: 4, flipped: 1, firstShown: 2 / 7 })
  })
})

describe('repeated texts', () => {
  it('are the share that comparing all with all finds', () => {
    const random = rng(4)
    const texts: string[] = []
    for (let i = 0; i < 120; i++) {
      const old = i > 0 && random.uniform() < 0.5 ? random.pick(texts).split(' ') : undefined
      const words = old ?? Array.from({ length: 40 }, () => `w${random.below(500)}`)
      // One word changed or most of them: similarities far from the limit, where an estimate cannot err.
      texts.push(
        words.map((word, at) => (at === 5 || (i % 3 === 0 && at > 10) ? `v${random.below(500)}` : word)).join(' '),
      )
    }
    const grams = (text: string): Set<string> => {
      const words = text.split(' ')
      return new Set(words.slice(2).map((_, at) => words.slice(at, at + 3).join(' ')))
    }
    const alike = (a: Set<string>, b: Set<string>): number => {
      const common = [...a].filter((gram) => b.has(gram)).length
      return common / (a.size + b.size - common)
    }
    const sets = texts.map(grams)
    const expected = sets.filter((set, i) => sets.slice(0, i).some((other) => alike(set, other) >= 0.7)).length
    const examples = texts.map((problem, i) => ({
      ...scored(`d${i}`, 0, 1),
      question: { problem, referenceAnswer: '', conversation: [] },
    }))
    const found = report(examples, { config: { duplicateSimilarity: 0.7 } })
    expect(expected).toBeGreaterThan(20)
    expect(check(found, 'duplicateQuestions')).toMatchObject({ value: expected / 120, of: 120, state: 'warning' })
    expect(found.duplicates.questions[0]?.similarity).toBeGreaterThanOrEqual(0.7)
  })

  it('count a document once, however many questions it has', () => {
    const found = report([scored('a', 0, 1), scored('a', 0, 1), { ...scored('b', 0, 1), document: 'another text' }])
    expect(check(found, 'duplicateDocuments')).toMatchObject({ value: 0, of: 2 })
    expect(check(found, 'duplicateQuestions').of).toBe(3)
  })
})

describe('evaluation sets', () => {
  it('overlap where a plain search finds a shared run of words', () => {
    const random = rng(9)
    const text = (length: number): string => Array.from({ length }, () => `w${random.below(4)}`).join(' ')
    const documents = Array.from({ length: 15 }, () => text(60))
    const items = Array.from({ length: 60 }, (_, i) => text(i < 5 ? 5 : 20))
    const size = 7
    const runs = (one: string): string[] =>
      one.split(' ').flatMap((_, i, all) => (i + size > all.length ? [] : [all.slice(i, i + size).join(' ')]))
    const known = new Set(documents.flatMap(runs))
    const expected = items.filter((item) => runs(item).some((run) => known.has(run))).length
    const found = report(
      documents.map((document, i) => ({ ...scored(`d${i}`, 0, 1), document })),
      { config: { overlapWords: size }, sets: [{ name: 'exam', texts: items }] },
    )
    expect(expected).toBeGreaterThan(0)
    expect(expected).toBeLessThan(50)
    expect(found.overlaps).toMatchObject([{ name: 'exam', items: 60, overlapping: expected, tooShort: 5 }])
    expect(check(found, 'evaluationOverlap').value).toBeCloseTo(expected / 55, 12)
  })

  it('are compared by words, not by case and punctuation', () => {
    const sets = [{ name: 's', texts: ['The quick, brown FOX; jumps!'] }]
    const example = { ...scored('a', 0, 1), document: 'see: the quick brown fox jumps over' }
    expect(report([example], { sets, config: { overlapWords: 5 } }).overlaps[0]?.overlapping).toBe(1)
    expect(report([example], { sets, config: { overlapWords: 6 } }).overlaps[0]).toMatchObject({
      overlapping: 0,
      tooShort: 1,
    })
  })
})

describe('what is left by the pairing rules', () => {
  it('goes down rule by rule, and neither the cap nor curation speaks against the signal', () => {
    const skipped = { noQuestion: 1, nearTies: 2, noSpread: 3, overCap: 1 }
    const found = report(
      Array.from({ length: 10 }, (_, i) => scored(`d${i}`, 0, 1)),
      { skipped },
    )
    const left = Object.fromEntries(found.survivors.map(({ rule, questions }) => [rule, questions]))
    expect(found.survivors.map(({ rule }) => rule)).toEqual(skipReasonSchema.options)
    expect(left).toMatchObject({ noQuestion: 9, nearTies: 7, noSpread: 4, lengthGap: 4, overCap: 3 })
    expect(check(found, 'pairedQuestions')).toMatchObject({ value: 4 / 8, of: 8 })
  })
})

describe('limits', () => {
  const flat = Array.from({ length: 4 }, (_, i) => scored(`d${i}`, 1, 1))

  it.each([
    [{ warn: 0.5, stop: 0.9 }, 'stop'],
    [{ warn: 0.5, stop: 1 }, 'warning'],
    [{ warn: 0.5, stop: false }, 'warning'],
    [{ warn: false, stop: false }, 'good'],
    [{ warn: 1 }, 'stop'],
  ])('%j of tied questions', (tiedQuestions, state) => {
    expect(check(report(flat, { config: { tiedQuestions } }), 'tiedQuestions').state).toBe(state)
  })

  it('are said in words, with what to do', () => {
    const text = healthLines(report(flat)).join('\n')
    expect(text).toContain('health of round 1, 4 questions')
    expect(text).toMatch(/✗ questions whose answers all score alike +100\.0 % of 4, at most 95\.0 %\n +The judge gives/)
    expect(text).toMatch(/· judge noise.* not measured/)
    expect(healthSummary(report([scored('a', 0, 2)])).length).toBeLessThan(6)
  })

  it('never throw, whatever the records hold', () => {
    const given: fc.Arbitrary<GivenCandidate[]> = fc.array(
      fc.record({ response: fc.string(), score: fc.option(fc.double()) }),
      { maxLength: 6 },
    )
    fc.assert(
      fc.property(fc.array(given, { maxLength: 6 }), (lists) => {
        const found = report(lists.map((list, i) => exampleOf(list, `d${i}`)))
        for (const { value } of found.checks) expect(value === null || Number.isFinite(value)).toBe(true)
      }),
    )
  })
})
