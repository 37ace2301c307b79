/** The switches of curation, played: what is sampled, what is judged, what is dropped and what stays in the record. */
import { describe, expect, it } from 'vitest'
import type { Example, GenerateRequest, SparseConfig } from '../records/index.ts'
import { synthesize } from './synthesize.ts'
import { asStored, useWorkbench } from './testing/workbench.ts'
import { makeDocuments, makeModels, makeSettings, type RoleName, type RoleScripts } from './testing/world.ts'

const { openJournal, options } = useWorkbench()
let plays = 0

interface Play {
  readonly curation: SparseConfig['curation']
  readonly scripts?: RoleScripts
  readonly candidates?: number
  readonly documents?: number
}

type Asked = Record<RoleName, number>

async function play({ curation, scripts = {}, candidates = 8, documents = 1 }: Play): Promise<[Example[], Asked]> {
  const models = makeModels(scripts)
  const settings = makeSettings({ candidates }, {}, curation)
  const journal = await openJournal(`journal-${plays++}`)
  const run = await options({ documents: makeDocuments(documents), models, settings, journal })
  const examples = await synthesize(run)
  const requests = (role: RoleName): number => models[role].requests.reduce((sum, { n }) => sum + n, 0)
  const asked = {
    proposer: requests('proposer'),
    solver: requests('solver'),
    rubric: requests('rubric'),
    scorer: requests('scorer'),
  }
  return [examples, asked]
}

const text = (request: GenerateRequest): string => request.messages.map(({ content }) => content).join('\n')
const answerIn = (request: GenerateRequest): number =>
  Number(/<answer>\n(\d+)\n<\/answer>/.exec(text(request))?.[1] ?? Number.NaN)
const rated = (ratings: Record<string, number>): string =>
  `<evaluation>${JSON.stringify(
    Object.fromEntries(
      Object.entries(ratings).map(([name, rating], i) => [`criterion_${i + 1}`, { name, thoughts: 't', rating }]),
    ),
  )}</evaluation>`
const rubricOf = (criteria: Record<string, number>): string =>
  `<rubric>${JSON.stringify(
    Object.fromEntries(
      Object.entries(criteria).map(([name, weight], i) => [
        `criterion_${i + 1}`,
        { name, gold: 'g', description: 'd', weight },
      ]),
    ),
  )}</rubric>`

/** Every answer is another number, counted over the solver's calls. */
const counting = (): NonNullable<RoleScripts['solver']> => {
  let next = 0
  return { reply: () => `<answer>${next++}</answer>` }
}
const values = ({ candidates }: Example): (number | string)[] =>
  candidates.map(({ score }) => (score.status === 'scored' ? score.value : score.reason))

describe('earlyDrop', () => {
  const curation = { earlyDrop: { samples: 3, minStd: 0.1 } }

  it('samples no more of a question whose first answers are nearly equal', async () => {
    const scorer = { reply: () => rated({ Count: 1 }) }
    const [[example], asked] = await play({ curation, scripts: { solver: counting(), scorer } })
    expect(asked).toEqual({ proposer: 1, solver: 3, rubric: 1, scorer: 3 })
    expect(example).toMatchObject({ status: 'dropped', dropped: 'nearTies' })
    expect(example?.candidates.map(({ index }) => index)).toEqual([0, 1, 2])
  })

  it('samples the others of a question with a spread, and judges each answer once', async () => {
    const scorer = { reply: (request: GenerateRequest) => rated({ Count: answerIn(request) % 3 }) }
    const [[example], asked] = await play({ curation, scripts: { solver: counting(), scorer } })
    expect(asked).toEqual({ proposer: 1, solver: 8, rubric: 1, scorer: 8 })
    expect(example?.status).toBe('complete')
    expect(example?.candidates.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(example === undefined ? [] : values(example)).toEqual([0, 1, 2, 0, 1, 2, 0, 1])
  })

  it('drops nothing where the first answers could not be judged: nothing is known of their spread', async () => {
    const [[example], asked] = await play({ curation, scripts: { scorer: { reply: () => 'unreadable' } } })
    expect(example).toMatchObject({ status: 'scoringFailed' })
    expect(example?.dropped).toBeUndefined()
    expect(asked.solver).toBe(3)
  })

  it('comes to the same when it is switched on for stored answers', async () => {
    const scorer = { reply: () => rated({ Count: 1 }) }
    const models = makeModels({ solver: counting(), scorer })
    const run = await options({ documents: makeDocuments(1), models, settings: makeSettings({ candidates: 8 }) })
    const before = await synthesize(run)
    expect(before[0]?.status).toBe('complete')
    const stored = { examples: asStored(before), failedOnly: false }
    const settings = makeSettings({ candidates: 8 }, {}, curation)
    const [again] = await synthesize({ ...run, documents: [], stored, settings })
    expect(again).toMatchObject({ status: 'dropped', dropped: 'nearTies' })
  })
})

describe('difficulty', () => {
  const curation = { difficulty: { low: 0.25, high: 0.75 } }

  it.each<[string, (answer: number) => number, string]>([
    ['nearly always met', () => 2, 'dropped'],
    ['nearly never met', (answer) => (answer === 0 ? 1 : 0), 'dropped'],
    ['met half of the time', (answer) => 2 * (answer % 2), 'complete'],
  ])('of a question that is %s', async (_name, rate, status) => {
    const scorer = { reply: (request: GenerateRequest) => rated({ Count: rate(answerIn(request)) }) }
    const [[example]] = await play({ curation, scripts: { solver: counting(), scorer } })
    expect(example?.status).toBe(status)
    expect(example?.dropped).toBe(status === 'dropped' ? 'difficulty' : undefined)
    // What was judged stays in the record: a dropped question is data.
    expect(example?.candidates.every(({ score }) => score.status === 'scored')).toBe(true)
  })

  it('is measured over the answers that were scored, not over failures', async () => {
    const scorer = {
      reply: (request: GenerateRequest) =>
        answerIn(request) < 5 ? 'unreadable' : rated({ Count: answerIn(request) % 3 }),
    }
    const [[example]] = await play({ curation, scripts: { solver: counting(), scorer } })
    // 5 % 3, 6 % 3, 7 % 3 = 2, 0, 1: a mean of 1. With 0 for the five unreadable ones it would be 0.375, under the bound.
    expect(example === undefined ? [] : values(example).slice(5)).toEqual([2, 0, 1])
    expect(example?.status).toBe('complete')
  })
})

describe('secondRubric', () => {
  const curation = { secondRubric: { minAgreement: 0.5, temperature: 1 } }
  /** The rubric writer names its criterion by how warm it is; the judge's taste goes by that name. */
  const rubric = {
    reply: (request: GenerateRequest) => rubricOf({ [request.temperature > 0 ? 'Second' : 'First']: 1 }),
  }
  const judge = (second: (answer: number) => number): NonNullable<RoleScripts['scorer']> => ({
    reply: (request) =>
      text(request).includes('"Second"')
        ? rated({ Second: second(answerIn(request)) })
        : rated({ First: Math.min(2, answerIn(request)) }),
  })

  it('keeps a question on whose answers two rubrics agree, with the mean of their scores', async () => {
    const scripts = { solver: counting(), rubric, scorer: judge((answer) => Math.min(1, answer)) }
    const [[example], asked] = await play({ curation, scripts, candidates: 3 })
    expect(asked).toEqual({ proposer: 1, solver: 3, rubric: 2, scorer: 6 })
    expect(example?.status).toBe('complete')
    expect(example === undefined ? [] : values(example)).toEqual([0, 1, 1.5])
    expect(example?.secondRubric?.rubric?.map(({ name }) => name)).toEqual(['Second'])
    // Spearman of 0 1 2 and 0 1 1: (ranks 1 2 3; 1 2.5 2.5) 1.5 / √(2 · 1.5) = 0.866.
    expect(example?.secondRubric?.agreement).toBeCloseTo(Math.sqrt(3) / 2, 12)
  })

  it.each<[string, (answer: number) => number]>([
    ['disagree', (answer) => 2 - answer],
    ['cannot be compared, because one rates every answer alike', () => 1],
  ])('drops a question on which they %s', async (_name, second) => {
    const [[example]] = await play({
      curation,
      scripts: { solver: counting(), rubric, scorer: judge(second) },
      candidates: 3,
    })
    expect(example).toMatchObject({ status: 'dropped', dropped: 'rubricsDisagree' })
    expect(example?.secondRubric?.firstScores).toEqual([0, 1, 2].map((value) => ({ status: 'scored', value })))
  })

  it('gives no score to an answer that only one of the two could judge', async () => {
    const scorer: NonNullable<RoleScripts['scorer']> = {
      reply: (request) =>
        text(request).includes('"Second"') && answerIn(request) === 1
          ? 'unreadable'
          : rated({ [text(request).includes('"Second"') ? 'Second' : 'First']: Math.min(2, answerIn(request)) }),
    }
    const [[example]] = await play({ curation, scripts: { solver: counting(), rubric, scorer }, candidates: 3 })
    expect(example === undefined ? [] : values(example)).toEqual([0, 'noTag', 2])
  })

  it('leaves a question without a second rubric among the failures, not among the dropped', async () => {
    const writer = { reply: (request: GenerateRequest) => (request.temperature > 0 ? 'none' : rubricOf({ First: 1 })) }
    const [[example]] = await play({
      curation,
      scripts: { solver: counting(), rubric: writer, scorer: judge(() => 1) },
      candidates: 3,
    })
    expect(example?.status).toBe('rubricFailed')
    expect(example?.dropped).toBeUndefined()
  })
})

describe('criteria left out', () => {
  const rubric = { reply: () => rubricOf({ Dose: 3, Rude: -2, Form: 1 }) }
  const judge: NonNullable<RoleScripts['scorer']> = { reply: () => rated({ Dose: 2, Rude: 2, Form: 1 }) }

  it('with positiveOnly are those of weight 0 or less: not shown to the judge, not in the score, named in the record', async () => {
    const seen: string[] = []
    const scorer: NonNullable<RoleScripts['scorer']> = {
      reply: (request) => {
        seen.push(text(request))
        return rated({ Dose: 2, Form: 1 })
      },
    }
    const [[example]] = await play({ curation: { positiveOnly: true }, scripts: { rubric, scorer }, candidates: 2 })
    expect(seen.some((prompt) => prompt.includes('"Rude"'))).toBe(false)
    expect(example === undefined ? [] : values(example)).toEqual([7 / 4, 7 / 4])
    expect(example?.unusedCriteria).toEqual(['Rude'])
    expect(example?.rubric?.map(({ name }) => name)).toEqual(['Dose', 'Rude', 'Form'])
    const [[plain]] = await play({ curation: {}, scripts: { rubric, scorer: judge }, candidates: 2 })
    expect(plain === undefined ? [] : values(plain)).toEqual([3 / 2, 3 / 2])
  })

  it('say so when none has a positive weight', async () => {
    const negative = { reply: () => rubricOf({ Rude: -2 }) }
    const [[example], asked] = await play({ curation: { positiveOnly: true }, scripts: { rubric: negative } })
    expect(example).toMatchObject({ status: 'rubricFailed', failure: 'no criterion has a positive weight' })
    expect(asked.scorer).toBe(0)
  })

  it('say so of a second rubric too, and nobody is asked to judge by it', async () => {
    const writer = {
      reply: (request: GenerateRequest) => rubricOf(request.temperature > 0 ? { Rude: -2 } : { Dose: 3 }),
    }
    const curation = { positiveOnly: true, secondRubric: {} }
    const [[example], asked] = await play({ curation, scripts: { rubric: writer, scorer: judge }, candidates: 2 })
    expect(example).toMatchObject({
      status: 'rubricFailed',
      failure: 'second rubric: no criterion has a positive weight',
    })
    expect(asked.scorer).toBe(2)
  })

  it('with criterionDropout are drawn from the seed for each question', async () => {
    const curation = { criterionDropout: 0.5 }
    const unused = async (): Promise<(string[] | undefined)[]> => {
      const scripts = { rubric, scorer: judge }
      const [examples] = await play({ curation, scripts, documents: 12, candidates: 2 })
      for (const example of examples) {
        const weights = { Dose: 3, Rude: -2, Form: 1 }
        const used = Object.entries(weights).filter(([name]) => example.unusedCriteria?.includes(name) !== true)
        const total = used.reduce((sum, [, weight]) => sum + weight, 0)
        const earned = used.reduce((sum, [name, weight]) => sum + weight * (name === 'Form' ? 1 : 2), 0)
        expect(values(example)[0]).toEqual(total > 0 ? earned / total : 'zeroWeight')
      }
      return examples.map(({ unusedCriteria }) => unusedCriteria)
    }
    const first = await unused()
    expect(await unused()).toEqual(first)
    expect(new Set(first.map(String)).size).toBeGreaterThan(2)
  })
})
