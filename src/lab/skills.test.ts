import { describe, expect, it } from 'vitest'
import type { GenerateRequest, Generation, LanguageModel } from '../records/index.ts'
import { failedGates, judgeQuality, measureSkills, playDocuments } from './skills.ts'
import { oracleSuite } from './oracle-suite.ts'
import { PerfectModel } from './testing/perfect-model.ts'
import { createWorld } from './world/entities.ts'

const world = createWorld()
const options = { seed: 'test', cases: 12, candidates: 3 }

/** Says what the other model says, with one thing changed. */
class ChangedModel implements LanguageModel {
  readonly name = 'changed'
  private readonly model: LanguageModel
  private readonly change: (text: string, request: GenerateRequest) => string
  constructor(model: LanguageModel, change: (text: string, request: GenerateRequest) => string) {
    this.model = model
    this.change = change
  }
  async generate(request: GenerateRequest): Promise<Generation[]> {
    const generations = await this.model.generate(request)
    return generations.map((generation) => ({ ...generation, text: this.change(generation.text, request) }))
  }
}

describe('the skills', () => {
  it('of a model without fault are all 1, and it passes the gates', async () => {
    const report = await measureSkills(new PerfectModel(world), world, options)
    expect(report).toMatchObject({ ratingsRight: 1, goldsRight: 1, goldsRightAltered: 1, questionAnswerable: 1 })
    expect(report).toMatchObject({ referenceRight: 1, valid: { proposer: 1, solver: 1, rubric: 1, scorer: 1 } })
    expect(report.solver).toMatchObject({ sampled: 1, bestOf: 1, greedy: 1 })
    expect(failedGates(report)).toEqual([])
  })
  it('show a judge that rates everything 2', async () => {
    const generous = new ChangedModel(new PerfectModel(world), (text) => text.replace(/"rating":\d/g, '"rating":2'))
    const report = await measureSkills(generous, world, options)
    expect(report.ratingsRight).toBeLessThan(0.8)
    expect(failedGates(report).join()).toContain('ratings right')
  })
  it('show a rubric writer that answers from memory instead of reading', async () => {
    const remembering = new ChangedModel(new PerfectModel(world), (text, { messages }) => {
      const entity = world.heldOut.find(({ name }) => messages[0]?.content.includes(name) === true)
      if (!text.startsWith('<rubric>') || entity === undefined) return text
      return text.replace(/"name":" (\w+)","gold":" \w+"/g, (_all: string, name: string) => {
        const attribute = [...entity.facts.keys()].find((each) => each === name) ?? 'color'
        return `"name":" ${name}","gold":" ${entity.facts.get(attribute) ?? ''}"`
      })
    })
    const report = await measureSkills(remembering, world, options)
    expect(report.goldsRight).toBe(1)
    expect(report.goldsRightAltered).toBeLessThan(0.75)
  })
  it('count replies that do not parse, by role', async () => {
    const broken = new ChangedModel(new PerfectModel(world), (text) =>
      text.replace('</rubric>', '').replace('{"criterion_1"', ''),
    )
    const report = await measureSkills(broken, world, options)
    expect(report.valid.proposer).toBe(1)
    expect(report.valid.rubric).toBe(0)
  })
})

describe('the judge’s quality', () => {
  it('is the order of self-scores against the order of the oracle', async () => {
    // Every second answer is wrong in one value, so that there is an order to find.
    let answers = 0
    const uneven = new ChangedModel(new PerfectModel(world), (text) => text)
    const spoiling: LanguageModel = {
      name: 'spoiling',
      generate: async (request) => {
        const generations = await uneven.generate(request)
        if (!(request.messages[0]?.content.startsWith('Answer') === true)) return generations
        return generations.map((generation) => {
          const spoil = answers++ % 2 === 0
          return spoil ? { ...generation, text: generation.text.replace(/ is \w+/, ' is hard to say') } : generation
        })
      },
    }
    const plays = await playDocuments(spoiling, world, { ...options, subjects: 'heldOut', groundRubric: true })
    const quality = judgeQuality(plays)
    expect(quality.pairs).toBeGreaterThan(5)
    expect(quality.pairAccuracy).toBe(1)
    expect(quality.rankCorrelation).toBeGreaterThan(0.99)
  })
})

describe('the oracle suite', () => {
  it('asks the same questions with the same seeds of every policy, and lets the program judge', async () => {
    const requests: GenerateRequest[] = []
    const call = (_key: string, model: LanguageModel, request: GenerateRequest): Promise<Generation[]> => {
      requests.push(request)
      return model.generate(request)
    }
    const suite = oracleSuite({ samples: 2, questionsPerEntity: 1 })
    const perfect = new PerfectModel(world)
    const before = await suite.evaluate({ round: 0, policy: perfect, call, seed: 3 })
    const silent = new ChangedModel(perfect, () => 'I would rather not.')
    const after = await suite.evaluate({ round: 1, policy: silent, call, seed: 3 })
    expect(before).toMatchObject({ judge: 'oracle', sampled: { mean: 1, n: 40 }, greedy: { mean: 1 }, validity: 1 })
    expect(after).toMatchObject({ sampled: { mean: 0 }, validity: 0, meanAnswerWords: null })
    expect(requests).toHaveLength(160)
    expect(requests.slice(80)).toEqual(requests.slice(0, 80))
  })
})
