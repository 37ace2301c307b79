/** The scoring modes and their switches, played with scripted judges whose taste is known. */
import { describe, expect, it } from 'vitest'
import type { ScriptedModel } from '../../llm/scripted.ts'
import type { Example, GenerateRequest, Generation, SparseConfig } from '../../records/index.ts'
import { builtinTasks } from '../../roles/index.ts'
import { synthesize } from '../synthesize.ts'
import { useWorkbench } from '../testing/workbench.ts'
import { makeDocuments, makeModels, makeSettings, type RoleScripts } from '../testing/world.ts'

const { openJournal, options } = useWorkbench()
let plays = 0

interface Play {
  readonly example: Example
  readonly judge: ScriptedModel
  readonly rubricWriter: ScriptedModel
}

async function play(
  scoring: SparseConfig['scoring'],
  scripts: RoleScripts,
  { curation = {}, candidates = 4 }: { curation?: SparseConfig['curation']; candidates?: number } = {},
): Promise<Play> {
  const models = makeModels(scripts)
  const journal = await openJournal(`journal-${plays++}`)
  const settings = makeSettings({ candidates }, scoring, curation)
  const [example] = await synthesize(await options({ documents: makeDocuments(1), models, settings, journal }))
  if (example === undefined) throw new Error('no example')
  return { example, judge: models.scorer, rubricWriter: models.rubric }
}

const prompt = (request: GenerateRequest): string => request.messages.map(({ content }) => content).join('\n')
/** Answers are numbers; the judges of these tests like large ones. */
const solver = (...answers: (number | string)[]): NonNullable<RoleScripts['solver']> => ({
  reply: (_request, index) => `<answer>${answers[index] ?? 0}</answer>`,
})
const shown = (request: GenerateRequest, section: string): string =>
  new RegExp(`<${section}>\\n([^<]*)\\n</${section}>`).exec(prompt(request))?.[1] ?? ''
const scores = ({ candidates }: Example): unknown[] =>
  candidates.map(({ score }) => (score.status === 'scored' ? score.value : score.reason))

describe('pointwise scoring', () => {
  const rating = (value: number): string =>
    `<evaluation>{"criterion_1": {"name": "Count", "thoughts": "so", "rating": ${value}}}</evaluation>`

  it('asks a greedy judge once for equal answers, and gives each its judgement', async () => {
    const reply = (request: GenerateRequest): string => rating(shown(request, 'answer') === '7' ? 2 : 1)
    const { example, judge } = await play({}, { solver: solver(7, 5, 7, 5), scorer: { reply } })
    expect(judge.requests).toHaveLength(2)
    expect(scores(example)).toEqual([2, 1, 2, 1])
    expect(example.candidates.map(({ index, answer }) => [index, answer])).toEqual([
      [0, '7'],
      [1, '5'],
      [2, '7'],
      [3, '5'],
    ])
  })
})

describe('scoring without a rubric', () => {
  const general = builtinTasks.get('general')

  it('asks for none, and shows the judge the task’s one criterion and no gold', async () => {
    const reply = (request: GenerateRequest): string => {
      const { name = '' } = general?.overallCriterion ?? {}
      const value = Number(shown(request, 'answer')) > 6 ? 2 : 0
      return `<evaluation>{"criterion_1": {"name": "${name}", "thoughts": "so", "rating": ${value}}}</evaluation>`
    }
    const { example, judge, rubricWriter } = await play(
      { rubric: 'none' },
      { solver: solver(7, 5, 8, 3), scorer: { reply } },
    )
    expect(rubricWriter.requests).toHaveLength(0)
    expect(scores(example)).toEqual([2, 0, 2, 0])
    expect(example.rubric).toEqual([general?.overallCriterion])
    expect(example.rubric?.[0]).toMatchObject({ gold: 'Not applicable', weight: 1 })
    expect(example.rubricConversation).toBeNull()
    expect(judge.requests.every((request) => prompt(request).includes('Not applicable'))).toBe(true)
  })

  it('goes with comparing too, and not with a second rubric', async () => {
    const { example, rubricWriter } = await play(
      { rubric: 'none', mode: 'anchored' },
      { solver: solver(7, 5, 8, 3), scorer: { reply: () => '<rating_A>5</rating_A><rating_B>5</rating_B>' } },
    )
    expect(rubricWriter.requests).toHaveLength(0)
    expect(scores(example)).toEqual([0, 0, 0, 0])
    await expect(play({ rubric: 'none' }, {}, { curation: { secondRubric: {} } })).rejects.toThrow(
      'curation.secondRubric needs scoring.rubric: written',
    )
  })
})

describe('pairwise scoring', () => {
  const larger = (request: GenerateRequest): string => {
    const [a, b] = [Number(shown(request, 'answer_A')), Number(shown(request, 'answer_B'))]
    return `thoughts <better_answer>${a >= b ? 'A' : 'B'}</better_answer>`
  }

  it('asks for every two candidates in both orders, and scores by the share won', async () => {
    const { example, judge } = await play(
      { mode: 'pairwise' },
      { solver: solver(10, 40, 20, 30), scorer: { reply: larger } },
    )
    expect(judge.requests).toHaveLength(4 * 3)
    expect(new Set(judge.requests.map((r) => `${shown(r, 'answer_A')} ${shown(r, 'answer_B')}`)).size).toBe(12)
    expect(scores(example)).toEqual([0, 1, expect.closeTo(1 / 3), expect.closeTo(2 / 3)])
    expect(example.comparisons).toHaveLength(6)
    expect(example.candidates.every(({ evaluation }) => evaluation === null)).toBe(true)
  })

  it('asks nobody about identical texts: both get a half of that comparison', async () => {
    const { example, judge } = await play(
      { mode: 'pairwise' },
      { solver: solver(5, 5, 9, 5), scorer: { reply: larger } },
    )
    expect(judge.requests).toHaveLength(3 * 2)
    expect(scores(example)).toEqual([expect.closeTo(1 / 3), expect.closeTo(1 / 3), 1, expect.closeTo(1 / 3)])
  })

  it('averages a judge that always likes the first place to a draw', async () => {
    const first = (): string => '<better_answer>A</better_answer>'
    const { example } = await play({ mode: 'pairwise' }, { solver: solver(1, 2, 3, 4), scorer: { reply: first } })
    expect(scores(example)).toEqual([0.5, 0.5, 0.5, 0.5])
    expect(example.comparisons?.map(({ shownFirst, shownSecond }) => [shownFirst, shownSecond])).toEqual(
      Array.from({ length: 6 }, () => [1, 0]),
    )
  })

  it('leaves void comparisons out, and has no score for a candidate of which all are void', async () => {
    // Whoever is compared with 2 gets no verdict.
    const reply = (request: GenerateRequest): string =>
      /<answer_[AB]>\n2\n/.test(prompt(request)) ? 'a tie, I think' : larger(request)
    const { example, judge } = await play({ mode: 'pairwise' }, { solver: solver(1, 2, 3, 4), scorer: { reply } })
    expect(judge.requests).toHaveLength(12 + 6)
    expect(scores(example)).toEqual([0, 'noTag', 0.5, 1])
    expect(example.comparisons?.filter(({ value }) => value === null)).toHaveLength(3)
    expect(example.status).toBe('complete')
  })

  it('takes the mean of several readings of a verdict', async () => {
    // Three in four readings prefer the larger one, whichever place it has.
    const reply = (request: GenerateRequest, index: number): string => {
      const right = larger(request)
      if (index < 3) return right
      return right.includes('>A<') ? '<better_answer>B</better_answer>' : '<better_answer>A</better_answer>'
    }
    const { example, judge } = await play(
      { mode: 'pairwise', readings: 4 },
      { solver: solver(1, 2), scorer: { reply } },
      { candidates: 2 },
    )
    expect(judge.requests.map(({ n, temperature }) => [n, temperature])).toEqual([
      [4, 1],
      [4, 1],
    ])
    expect(scores(example)).toEqual([0.25, 0.75])
  })
})

describe('anchored scoring', () => {
  const rate = (request: GenerateRequest): string =>
    `<rating_A>${shown(request, 'answer_A').length}</rating_A><rating_B>${shown(request, 'answer_B').length}</rating_B>`

  it('holds each answer against the one of median length, in both orders', async () => {
    const { example, judge } = await play(
      { mode: 'anchored' },
      { solver: solver('1', '22', '4444', '333'), scorer: { reply: rate } },
    )
    // ⌊4/2⌋ = 2 of the answers by length: 333.
    expect(judge.requests).toHaveLength(3 * 2)
    expect(judge.requests.every((request) => prompt(request).includes('\n333\n'))).toBe(true)
    expect(scores(example)).toEqual([-2, -1, 1, 0])
  })

  it('gives 0 to a text identical to the anchor without a call, and none to one that lacks a rating', async () => {
    const reply = (request: GenerateRequest): string =>
      prompt(request).includes('\n1\n') ? '<rating_A>4</rating_A><rating_B>eleven</rating_B>' : rate(request)
    const { example } = await play(
      { mode: 'anchored', secondTry: false },
      { solver: solver('1', '22', '22', '333'), scorer: { reply } },
    )
    expect(scores(example)).toEqual(['badNumber', 0, 0, 1])
  })
})

const evaluation = (ratings: Record<string, number | string>): string =>
  `<evaluation>${JSON.stringify(
    Object.fromEntries(
      Object.entries(ratings).map(([name, rating], i) => [`criterion_${i + 1}`, { name, thoughts: 't', rating }]),
    ),
  )}</evaluation>`
const rubricOf = (...criteria: [name: string, weight: number][]): NonNullable<RoleScripts['rubric']> => ({
  reply: () =>
    `<rubric>${JSON.stringify(
      Object.fromEntries(
        criteria.map(([name, weight], i) => [`criterion_${i + 1}`, { name, gold: 'g', description: 'd', weight }]),
      ),
    )}</rubric>`,
})

describe('repeated readings', () => {
  it('are averaged, and one that cannot be read leaves the mean', async () => {
    const reply = (_request: GenerateRequest, index: number): string =>
      ['garbled', evaluation({ Count: 2 }), evaluation({ Count: 1 })][index] ?? ''
    const { example, judge } = await play({ readings: 3, secondTry: false }, { scorer: { reply } })
    expect(judge.requests).toHaveLength(4)
    expect(scores(example)).toEqual([1.5, 1.5, 1.5, 1.5])
    const [candidate] = example.candidates
    expect(candidate?.readings?.map(({ score }) => score.status)).toEqual(['unscored', 'scored', 'scored'])
    expect(candidate?.evaluation).toEqual([{ name: 'Count', thoughts: 't', rating: 1.5 }])
  })
})

describe('a call for each criterion', () => {
  it('shows the judge one criterion at a time, and takes its only rating for that one', async () => {
    const reply = (request: GenerateRequest): string =>
      prompt(request).includes('"Dose"') ? evaluation({ 'the dose': 2 }) : evaluation({ Form: 1 })
    const { example, judge } = await play(
      { perCriterion: true },
      { rubric: rubricOf(['Dose', 3], ['Form', 1]), scorer: { reply } },
    )
    expect(judge.requests).toHaveLength(4 * 2)
    expect(judge.requests.filter((r) => prompt(r).includes('"Dose"') && prompt(r).includes('"Form"'))).toEqual([])
    expect(scores(example)).toEqual(Array.from({ length: 4 }, () => (3 * 2 + 1) / 4))
    expect(example.candidates[0]?.evaluation?.map(({ name }) => name)).toEqual(['Dose', 'Form'])
  })

  it('has no score where one of the calls cannot be read, whatever is done about missing criteria', async () => {
    const reply = (request: GenerateRequest): string =>
      prompt(request).includes('"Dose"') ? evaluation({ Dose: 2 }) : 'no'
    const { example } = await play(
      { perCriterion: true, missingCriterion: 'zero' },
      { rubric: rubricOf(['Dose', 3], ['Form', 1]), scorer: { reply } },
    )
    expect(scores(example)).toEqual(Array.from({ length: 4 }, () => 'noTag'))
  })
})

describe('expected ratings', () => {
  it('take the mean under the probabilities of the digits, and keep the digit beside it', async () => {
    const text = evaluation({ Count: 1 })
    const offset = text.indexOf('"rating":1') + 9
    const logprobs = { '0': Math.log(0.1), '1': Math.log(0.6), '2': Math.log(0.3) }
    const reply = (): Generation => ({
      text,
      finishReason: 'stop',
      usage: { promptTokens: 1, completionTokens: 1 },
      numbers: [{ offset, logprobs }],
    })
    const { example, judge } = await play(
      { ratings: 'expected' },
      { scorer: { reply, abilities: { numberLogprobs: true } } },
    )
    expect(judge.requests.every(({ numberLogprobs }) => numberLogprobs === true)).toBe(true)
    expect(scores(example)[0]).toBeCloseTo(1.2, 12)
    expect(example.candidates[0]?.evaluation?.[0]).toMatchObject({ rating: expect.closeTo(1.2), digit: 1 })
  })
})

describe('a second try', () => {
  const usage = { promptTokens: 1, completionTokens: 1 }
  const good = evaluation({ Count: 2 })
  it.each<[string, Generation | string, Partial<GenerateRequest>]>([
    ['cut by the limit', { text: '<evaluation>{', finishReason: 'length', usage }, { temperature: 0, maxTokens: 8192 }],
    ['an empty one', '  \n', { temperature: 0.7, maxTokens: 4096 }],
    ['a refusal', "I'm sorry, but I can't grade this.", { temperature: 0.7 }],
    [
      'a loop of white space',
      { text: `{"criterion_1": ${'\n\t'.repeat(500)}`, finishReason: 'length', usage },
      { temperature: 0.7, maxTokens: 4096 },
    ],
    ['broken JSON', '<evaluation>none</evaluation>', { temperature: 0.7 }],
  ])('is made after %s, with what that calls for, and once', async (_name, bad, second) => {
    const reply = (request: GenerateRequest): string | Generation =>
      request.maxTokens > 4096 || request.temperature > 0 ? good : bad
    const { example, judge } = await play({}, { solver: solver(1, 2), scorer: { reply } }, { candidates: 2 })
    expect(judge.requests).toHaveLength(4)
    expect(judge.requests.slice(2)).toEqual([expect.objectContaining(second), expect.objectContaining(second)])
    expect(scores(example)).toEqual([2, 2])
    const hopeless = await play({}, { solver: solver(1, 2), scorer: { reply: () => bad } }, { candidates: 2 })
    expect(hopeless.judge.requests).toHaveLength(4)
  })

  it('gives each of them its own reason when it does not help', async () => {
    const replies: (string | Generation)[] = [
      { text: '<evaluation>{', finishReason: 'length', usage },
      '',
      { text: '', finishReason: 'refusal', usage },
      { text: `{${' '.repeat(100)}`, finishReason: 'length', usage },
      '<evaluation>none</evaluation>',
    ]
    const reply = (request: GenerateRequest): string | Generation => replies[Number(shown(request, 'answer'))] ?? ''
    const { example } = await play({}, { solver: solver(0, 1, 2, 3, 4), scorer: { reply } }, { candidates: 5 })
    expect(scores(example)).toEqual(['truncated', 'empty', 'refused', 'whitespaceLoop', 'badJson'])
    expect(example.status).toBe('scoringFailed')
  })
})

describe('structured output', () => {
  const conforming = (request: GenerateRequest): string => {
    if (request.responseFormat?.name === 'probe') return '{"colour": "quartz-lantern"}'
    if (request.responseFormat?.name === 'evaluation') return '{"criterion_1": {"thoughts": "t", "rating": 2}}'
    return evaluation({ Count: 1 })
  }

  it('is asked for from a server that keeps a schema, found out by one question', async () => {
    const scorer = { reply: conforming, abilities: { responseFormat: true } }
    const { example, judge } = await play({}, { scorer })
    expect(judge.requests.filter(({ responseFormat }) => responseFormat?.name === 'probe')).toHaveLength(1)
    expect(judge.requests.filter(({ responseFormat }) => responseFormat?.name === 'evaluation')).toHaveLength(4)
    expect(scores(example)).toEqual([2, 2, 2, 2])
    expect(example.candidates[0]?.evaluation?.[0]?.name).toBe('Count')
  })

  it('is not asked for from a server that takes the schema and ignores it, nor where tags are configured', async () => {
    const ignoring = (request: GenerateRequest): string =>
      request.responseFormat?.name === 'probe' ? 'Blue.' : evaluation({ Count: 1 })
    const scorer = { reply: ignoring, abilities: { responseFormat: true } }
    const { example, judge } = await play({}, { scorer })
    expect(judge.requests.filter(({ responseFormat }) => responseFormat !== undefined)).toHaveLength(1)
    expect(scores(example)).toEqual([1, 1, 1, 1])
    const tags = await play({ output: 'tags' }, { scorer: { reply: conforming, abilities: { responseFormat: true } } })
    expect(tags.judge.requests.filter(({ responseFormat }) => responseFormat !== undefined)).toHaveLength(0)
  })

  it('gives way to tags for the second try after a loop of white space', async () => {
    const loop = {
      text: `{${' '.repeat(200)}`,
      finishReason: 'length' as const,
      usage: { promptTokens: 1, completionTokens: 1 },
    }
    const reply = (request: GenerateRequest): string | Generation =>
      request.responseFormat?.name === 'evaluation' ? loop : conforming(request)
    const { example } = await play({}, { scorer: { reply, abilities: { responseFormat: true } } })
    expect(scores(example)).toEqual([1, 1, 1, 1])
  })
})

describe('a task without a comparer', () => {
  it('is refused for the comparing modes before anything is played', async () => {
    const general = builtinTasks.get('general')
    if (general === undefined) throw new Error('the general task is missing')
    const { comparer: _comparer, ...task } = general
    const run = await options({ task, settings: makeSettings({}, { mode: 'pairwise' }) })
    await expect(synthesize(run)).rejects.toThrow('has no prompt for pairwise scoring')
  })
})
