import { describe, expect, it } from 'vitest'
import { rng } from '../../core/rng.ts'
import {
  parseAnchoredRatings,
  parseAnswer,
  parseComparison,
  parseEvaluation,
  parseProposal,
  parseRubric,
} from '../../roles/index.ts'
import { oracleParts, oracleScore } from '../oracle.ts'
import { readQuestion } from '../questions.ts'
import { roleTranscripts, worstShare } from '../testing/stream.ts'
import { KIND_ATTRIBUTES } from '../world/attributes.ts'
import { createWorld } from '../world/entities.ts'
import { drawAssignment, drawReply, referenceReply } from './assignments.ts'
import { comparingThoughts, overallRating, ratingsOf } from './comparing.ts'
import { criteriaOf, drawComparingCase, furtherMixtureAt, furtherSample } from './further.ts'
import type { FurtherSample } from './further.ts'
import { rate } from './roles.ts'

const world = createWorld()
const samples = Array.from({ length: 2500 }, (_, i) => furtherSample(world, 7, i))
const replyOf = ({ completion }: FurtherSample): string => completion.replace('<|im_end|>\n', '')
const tasks = ['lab', 'lab-tales', 'lab-format'] as const

describe('the last stage of pretraining', () => {
  it('is a function of seed and index', () => {
    expect(furtherSample(world, 7, 1234)).toEqual(samples[1234])
    expect(furtherSample(world, 8, 1234)).not.toEqual(samples[1234])
  })
  it('has the stated shares', () => {
    for (const start of [0, 25_000]) {
      const mixture = furtherMixtureAt(start)
      expect(Object.values(mixture).reduce((a, b) => a + b, 0)).toBeCloseTo(1)
      const drawn = start === 0 ? samples : samples.map((_, i) => furtherSample(world, 7, start + i))
      expect(worstShare(drawn, mixture)).toBeLessThan(0.03)
    }
  })
  it('keeps the held-out things out of every role transcript', () => {
    const { all, naming } = roleTranscripts(samples, world)
    expect(all.length).toBeGreaterThan(1500)
    expect(naming).toEqual([])
  })
  it('writes replies that the published parsers accept', () => {
    const parsers = {
      compare: parseComparison,
      rate: parseAnchoredRatings,
      overallScore: parseEvaluation,
      ungroundedPropose: parseProposal,
      proposeTask: parseProposal,
      solveTask: parseAnswer,
      rubricTask: parseRubric,
      scoreTask: parseEvaluation,
    }
    for (const [kind, parse] of Object.entries(parsers)) {
      const ofKind = samples.filter((sample) => sample.kind === kind)
      expect(ofKind.length, kind).toBeGreaterThan(20)
      for (const sample of ofKind) {
        expect(parse(replyOf(sample), { dialect: 'published' }).ok, replyOf(sample)).toBe(true)
      }
    }
  })
  it('shows the better answer first and second equally often, and gives ties to the first', () => {
    const random = rng(3, 'test')
    const cases = Array.from({ length: 1500 }, () =>
      drawComparingCase('Compare', 'lab', random.pick(world.train), random),
    )
    const first = cases.filter(({ totals }) => totals.a > totals.b).length
    const second = cases.filter(({ totals }) => totals.a < totals.b).length
    expect(Math.abs(first - second) / (first + second)).toBeLessThan(0.08)
  })
})

describe('comparing', () => {
  const criteria = [
    { name: 'color', gold: 'red' },
    { name: 'food', gold: 'corn' },
  ]
  it('adds up what each answer gathers, criterion by criterion', () => {
    const a = [{ attribute: 'color', values: ['red'] }]
    const b = [
      { attribute: 'color', values: ['blue'] },
      { attribute: 'food', values: ['rice', 'corn'] },
    ]
    const { text, totals } = comparingThoughts(criteria, a, b)
    expect(text).toBe(
      ' 1 color gold red, A red match 2, B blue differ 0. 2 food gold corn, A missing 2, B rice differ or corn match 1.',
    )
    expect(totals).toEqual({ a: 2, b: 1, most: 4 })
    expect(ratingsOf(totals)).toEqual({ a: 5, b: 3 })
  })
  it('without a rubric gives 2 for all, 1 for half, else 0', () => {
    const said = (color: string, food: string): { attribute: string; values: string[] }[] => [
      { attribute: 'color', values: [color] },
      { attribute: 'food', values: [food] },
    ]
    expect(overallRating(criteria, said('red', 'corn'))).toBe(2)
    expect(overallRating(criteria, said('red', 'rice'))).toBe(1)
    expect(overallRating(criteria, said('blue', 'rice'))).toBe(0)
  })
})

describe.each(tasks)('assignments of %s', (task) => {
  it('are read back from their text, and their reference is perfect', () => {
    const random = rng(task, 'test')
    for (let i = 0; i < 200; i++) {
      const entity = random.pick(world.train)
      const assignment = drawAssignment(task, entity, random.shuffle([...KIND_ATTRIBUTES[entity.kind]]), random)
      const known = readQuestion(assignment.text, entity, assignment.asked, task)
      expect(known?.asked).toEqual(assignment.asked)
      expect(known?.demands ?? []).toEqual(assignment.demands)
      const reference = referenceReply(assignment, entity.facts, random)
      expect(oracleScore(world, assignment, reference, task), reference).toBe(1)
    }
  })
  it('are judged alike by the oracle and by a judge with the right golds', () => {
    const random = rng(task, 'judged')
    for (let i = 0; i < 300; i++) {
      const entity = random.pick(world.train)
      const assignment = drawAssignment(task, entity, random.shuffle([...KIND_ATTRIBUTES[entity.kind]]), random)
      const { text, said } = drawReply(assignment, random)
      const ratings = criteriaOf(assignment, entity.facts).map(({ name, gold }) => {
        return rate(gold, said.find(({ attribute }) => attribute === name)?.values ?? []) / 2
      })
      const facts = ratings.slice(0, assignment.asked.length)
      const parts = oracleParts(world, assignment, text, task)
      expect(parts.facts).toBeCloseTo(facts.reduce((a, b) => a + b, 0) / facts.length)
      if (task === 'lab-tales') expect(parts.score).toBeCloseTo(ratings.reduce((a, b) => a + b, 0) / ratings.length)
      if (task === 'lab-format') expect(parts.score).toBeCloseTo(parts.facts * (parts.demands ?? 0))
    }
  })
})
