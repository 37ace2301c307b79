import { describe, expect, it } from 'vitest'
import type { Candidate, Example, PreferencePair } from '../../records/index.ts'
import { createWorld } from '../world/entities.ts'
import { labTask } from '../profile.ts'
import { signalQuality } from './signal.ts'
import { studyMarkdown, studyRows } from './table.ts'
import type { StudyRun } from './table.ts'
import { STUDY_SETTINGS, STUDY_VARIANT_NAMES, studyConfig } from './variants.ts'

const world = createWorld()
const creature = world.train.find(({ kind }) => kind === 'creature') ?? world.train[0]
if (creature === undefined) throw new Error('an empty world')
const { name, facts } = creature
const [color = '', food = ''] = [facts.get('color'), facts.get('food')]
const problem = `What are the color and food of the creature ${name}?`
const perfect = `The color is ${color} and the food is ${food}.`
const half = `The color is ${color}.`
const nothing = 'Hard to say.'

function candidate(index: number, answer: string | null, score: number | null): Candidate {
  return {
    index,
    answer,
    response: answer === null ? 'x' : `<answer> ${answer}</answer>`,
    completionTokens: 5,
    evaluation: null,
    evaluationResponse: null,
    score: score === null ? { status: 'unscored', reason: 'badJson' } : { status: 'scored', value: score },
  }
}

function example(candidates: Candidate[], text = problem): Example {
  return {
    round: 1,
    documentId: 'd',
    questionIndex: 0,
    task: 'lab',
    status: 'complete',
    document: '',
    question: { problem: text, referenceAnswer: perfect, conversation: [] },
    solverPrompt: [],
    candidates,
    rubric: null,
    rubricConversation: null,
  }
}

function pair(chosen: string, rejected: string, text = problem): PreferencePair {
  const conversation = (answer: string): PreferencePair['chosen'] => [
    ...labTask.solver.messages({ problem: text }),
    { role: 'assistant', content: `<answer> ${answer}</answer>` },
  ]
  return {
    role: 'solver',
    chosen: conversation(chosen),
    rejected: conversation(rejected),
    chosen_score: 1,
    rejected_score: 0,
    ref_answer: '',
  }
}

describe('the quality of a signal', () => {
  it('is what the oracle says of scores and pairs', () => {
    const examples = [
      example([candidate(0, perfect, 2), candidate(1, half, 1), candidate(2, nothing, 0)]),
      // The wrong way round.
      example([candidate(0, perfect, 0), candidate(1, nothing, 2), candidate(2, null, null), candidate(3, half, null)]),
    ]
    const pairs = [pair(perfect, nothing), pair(half, perfect), pair(half, half), pair(perfect, half)]
    const quality = signalQuality(world, 'lab', examples, pairs)
    expect(quality).toMatchObject({ pairAccuracy: 2.5 / 4, pairsJudged: 4, pairs: 4, questionsKnown: 2, questions: 2 })
    expect(quality.orderAccuracy).toBeCloseTo(3 / 4)
    expect(quality.rankWithin).toBeCloseTo((1 - 1) / 2)
    expect(quality.rankPooled).toBeLessThan(0.5)
  })
  it('leaves out what has no known answer, and says how much that is', () => {
    const unknown = 'What is the taste of the moon?'
    const stranger = `What are the wood and metal of the creature ${name}?`
    const examples = [unknown, stranger].map((text) => example([candidate(0, perfect, 1)], text))
    const quality = signalQuality(world, 'lab', examples, [pair(perfect, nothing, unknown)])
    expect(quality).toMatchObject({ questions: 2, questionsKnown: 0, pairs: 1, pairsJudged: 0 })
    expect([quality.pairAccuracy, quality.orderAccuracy, quality.rankWithin, quality.rankPooled]).toEqual([
      null,
      null,
      null,
      null,
    ])
  })
})

describe('the variants', () => {
  it('differ from the default in one thing each, and from nothing else in the configuration', () => {
    const config = (variant: (typeof STUDY_VARIANT_NAMES)[number]): Record<string, unknown> =>
      studyConfig(variant, 45, STUDY_SETTINGS, undefined)
    const base = config('pointwise')
    for (const variant of STUDY_VARIANT_NAMES.slice(1)) {
      const other = config(variant)
      const changed = Object.keys(base).filter((key) => JSON.stringify(base[key]) !== JSON.stringify(other[key]))
      expect([variant, changed.length]).toEqual([variant, 1])
    }
  })
})

describe('the table', () => {
  const run = (seed: number, after: number, variant: StudyRun['variant'] = 'pointwise'): StudyRun => ({
    variant,
    seed,
    signal: signalQuality(world, 'lab', [], [pair(perfect, nothing)]),
    before: 0.3,
    after,
    greedyBefore: 0.7,
    greedyAfter: 0.8,
    wordsBefore: 17,
    wordsAfter: null,
    lowestValidity: seed / 50,
    parts: {},
    seconds: 10,
  })
  it('has means over seeds with the t-interval of the mean', () => {
    const [row] = studyRows([run(45, 0.5), run(46, 0.6), run(47, 0.7)])
    // t(2) = 4.303, standard error 0.1 / √3.
    expect(row?.gain).toMatchObject({ mean: expect.closeTo(0.3), high: expect.closeTo(0.3 + 0.2484, 3), n: 3 })
    expect(row?.lowestValidity).toBe(0.9)
    expect(row?.wordsAfter).toBeNull()
    expect(studyMarkdown(row === undefined ? [] : [row])).toContain('| `pointwise` | 45 46 47 | 1.000 ± 0.000 | – |')
  })
  it('pairs a variant of the same task with the default by seed', () => {
    const others = [run(45, 0.6, 'random'), run(46, 0.6, 'random'), run(45, 0.4, 'tales')]
    const rows = studyRows([run(45, 0.5), run(46, 0.6), ...others])
    const of = (name: string): unknown => rows.find(({ variant }) => variant === name)?.gainOverDefault
    expect(of('random')).toMatchObject({ mean: expect.closeTo(0.05), n: 2 })
    expect([of('pointwise'), of('tales')]).toEqual([null, null])
  })
  it('shows no interval for a single seed', () => {
    expect(studyMarkdown(studyRows([run(45, 0.5)]))).toContain('| **+0.200** | – |')
  })
})
