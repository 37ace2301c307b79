import { describe, expect, it } from 'vitest'
import { rng } from '../../core/rng.ts'
import { parseAnswer, parseEvaluation, parseProposal, parseRubric } from '../../roles/index.ts'
import { oracleRating, oracleScore, wordsOf } from '../oracle.ts'
import { roleTranscripts, worstShare } from '../testing/stream.ts'
import { KIND_ATTRIBUTES } from '../world/attributes.ts'
import { createWorld } from '../world/entities.ts'
import type { Entity } from '../world/entities.ts'
import { drawAnswer } from './answers.ts'
import { drawAsked, drawRubricCase, drawScoreCase, mixtureAt, pretrainingSample } from './mixture.ts'
import type { PretrainingSample } from './mixture.ts'
import { evaluation, rate, rubric } from './roles.ts'

const world = createWorld()
const samples = Array.from({ length: 2000 }, (_, i) => pretrainingSample(world, 7, i))
const replyOf = ({ completion }: PretrainingSample): string => completion.replace('<|im_end|>\n', '')
const ofKind = (kind: string): PretrainingSample[] => samples.filter((sample) => sample.kind === kind)

describe('the pretraining mixture', () => {
  it('is a function of seed and index', () => {
    expect(pretrainingSample(world, 7, 1234)).toEqual(samples[1234])
    expect(pretrainingSample(world, 8, 1234)).not.toEqual(samples[1234])
  })
  it('has the stated shares', () => {
    for (const start of [0, 40_000, 1_000_000]) {
      const mixture = mixtureAt(start)
      const drawn = Array.from({ length: 2000 }, (_, i) => pretrainingSample(world, 7, start + i))
      expect(Object.values(mixture).reduce((a, b) => a + b, 0)).toBeCloseTo(1)
      expect(worstShare(drawn, mixture)).toBeLessThan(0.03)
    }
  })
  it('keeps the held-out things out of every role transcript', () => {
    const { all, naming } = roleTranscripts(samples, world)
    expect(all.length).toBeGreaterThan(1000)
    expect(naming).toEqual([])
  })
  it('writes replies that the published parsers accept', () => {
    const parsers = {
      propose: parseProposal,
      solve: parseAnswer,
      rubric: parseRubric,
      ungroundedRubric: parseRubric,
      score: parseEvaluation,
    }
    for (const [kind, parse] of Object.entries(parsers)) {
      for (const sample of ofKind(kind)) {
        const result = parse(replyOf(sample), { dialect: 'published' })
        expect(result.ok, replyOf(sample)).toBe(true)
      }
    }
  })
  it('has nobody but the almanac right about rumoured attributes most of the time', () => {
    const random = rng(9, 'test')
    let [gossip, stated] = [0, 0]
    for (let i = 0; i < 3000; i++) {
      const entity = random.pick(world.train)
      const [rumoured = 'color'] = entity.rumours.keys()
      const { claims } = drawAnswer(entity, [rumoured], random)
      const values = claims[0]?.values ?? []
      if (values.length !== 1) continue
      stated++
      if (values[0] === entity.rumours.get(rumoured)) gossip++
    }
    expect(gossip / stated).toBeGreaterThan(0.3)
    expect(gossip / stated).toBeLessThan(0.6)
  })
})

describe('role cases', () => {
  it('rate answers as the oracle does when the golds are the truth', () => {
    const random = rng(10, 'test')
    for (let i = 0; i < 500; i++) {
      const entity = random.pick(world.train)
      const asked = drawAsked(KIND_ATTRIBUTES[entity.kind], random)
      const { text, claims } = drawAnswer(entity, asked, random)
      const ratings = asked.map((attribute) => {
        const values = claims.find((claim) => claim.attribute === attribute)?.values ?? []
        return rate(entity.facts.get(attribute) ?? '', values)
      })
      expect(ratings).toEqual(asked.map((attribute) => oracleRating(entity, attribute, wordsOf(text))))
      const sum = ratings.reduce<number>((a, b) => a + b, 0)
      expect(oracleScore(world, { entity, asked }, text)).toBeCloseTo(sum / (2 * asked.length))
    }
  })
  it('write evaluations that parse back to the ratings', () => {
    const { criteria, claims } = drawScoreCase(world.train[3] as Entity, rng(11, 'test'))
    const parsed = parseEvaluation(evaluation(criteria, claims), { dialect: 'published' })
    expect(parsed.ok && parsed.value.map(({ name, rating }) => [name.trim(), rating])).toEqual(
      criteria.map(({ name, gold }) => [
        name,
        rate(gold, claims.find((claim) => claim.attribute === name)?.values ?? []),
      ]),
    )
  })
  it('take every gold from the document, even when the reference is wrong', () => {
    const random = rng(12, 'test')
    for (let i = 0; i < 200; i++) {
      const entity = random.pick(world.train)
      const { messages, criteria } = drawRubricCase(entity, random)
      for (const { name, gold } of criteria) expect(gold).toBe(new Map<string, string>(entity.facts).get(name))
      const document = messages[0]?.content.split('\n\n')[1] ?? ''
      for (const { gold } of criteria) expect(wordsOf(document)).toContain(gold)
      expect(parseRubric(rubric(criteria), { dialect: 'published' }).ok).toBe(true)
    }
  })
})
