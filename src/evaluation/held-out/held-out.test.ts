/** The held-out suite played with scripted policies and judges whose taste is known. */
import { describe, expect, it } from 'vitest'
import { EndpointError } from '../../core/errors.ts'
import { ScriptedModel, type Script } from '../../llm/scripted.ts'
import {
  suiteResultSchema,
  type Document,
  type GenerateRequest,
  type LanguageModel,
  type SuiteResult,
} from '../../records/index.ts'
import { builtinTasks, type TaskProfile } from '../../roles/index.ts'
import { heldOutSuite } from './index.ts'
import type { HeldOutOptions } from './options.ts'

const general = builtinTasks.get('general')
if (general === undefined) throw new Error('the general task is missing')
const task: TaskProfile = general

const text = ({ messages }: GenerateRequest): string => messages.map(({ content }) => content).join('\n')
const section = (request: GenerateRequest, name: string): string =>
  new RegExp(`<${name}>\\n([\\s\\S]*?)\\n</${name}>`).exec(text(request))?.[1] ?? ''

const towns = (count: number): Document[] =>
  Array.from({ length: count }, (_, i) => ({ id: `d${i}`, text: `Town ${i} has ${i + 3} gates.`, source: 'x' }))
const documents = towns(3)
const rubric = (name: string): string =>
  `<rubric>${JSON.stringify({ criterion_1: { name, gold: 'g', description: 'd', weight: 1 } })}</rubric>`
const rating = (name: string, value: number): string =>
  `<evaluation>${JSON.stringify({ criterion_1: { name, thoughts: 'so', rating: value } })}</evaluation>`

/** Plays all of a judge's parts; likes answers with `taste` in them. */
function judge(
  name: string,
  taste: string,
  { question = 'How many gates?', ...changes }: Partial<Script> & { question?: string } = {},
): ScriptedModel {
  const reply = (request: GenerateRequest): string => {
    const prompt = text(request)
    if (prompt.includes('<better_answer>')) {
      const [a, b] = [section(request, 'answer_A').includes(taste), section(request, 'answer_B').includes(taste)]
      // Without a preference it takes the first place.
      return `<better_answer>${b && !a ? 'B' : 'A'}</better_answer>`
    }
    if (prompt.includes('<evaluation>')) return rating(name, section(request, 'answer').includes(taste) ? 2 : 0)
    if (prompt.includes('<rubric>')) return rubric(name)
    if (prompt.includes('<problem>')) return `<problem>${question}</problem><answer>some</answer>`
    return '<answer>a draft</answer>'
  }
  return new ScriptedModel({ name, reply, ...changes })
}

const policy = (name: string, answer: string): ScriptedModel =>
  new ScriptedModel({ name, reply: () => `<answer>${answer}</answer>` })

async function play(
  options: Partial<HeldOutOptions> & Pick<HeldOutOptions, 'judge'>,
  players: readonly LanguageModel[],
  before: readonly SuiteResult[] = [],
): Promise<SuiteResult[]> {
  const suite = heldOutSuite({ task, documents, samples: 2, missingCriterion: 'unscored', ...options })
  const journal = new Map<string, Awaited<ReturnType<LanguageModel['generate']>>>()
  const earlier = [...before]
  for (const player of players) {
    const result = await suite.evaluate({
      round: earlier.length,
      policy: player,
      seed: 7,
      earlier: [...earlier],
      call: async (key, model, request) => {
        const known = journal.get(`${key} ${model.name}`)
        const replies = known ?? (await model.generate(request))
        journal.set(`${key} ${model.name}`, replies)
        return replies
      },
    })
    earlier.push(suiteResultSchema.parse(result))
  }
  return earlier
}

describe('the held-out suite', () => {
  it('asks every policy the same questions, and keeps them with every answer and verdict', async () => {
    const one = judge('one', 'gold')
    const [before, after] = await play({ judge: one }, [policy('start', 'lead'), policy('trained', 'gold')])
    expect(before).toMatchObject({ sampled: { mean: 0, n: 3 }, greedy: { mean: 0 }, validity: 1, unscored: 0 })
    expect(after).toMatchObject({ sampled: { mean: 1, n: 3 }, greedy: { mean: 1 }, failures: [] })
    expect(after?.questions).toEqual(before?.questions)
    expect(after?.questions?.map(({ id, problem }) => [id, problem])).toEqual(
      documents.map(({ id }) => [id, 'How many gates?']),
    )
    expect(one.requests.filter((request) => text(request).includes('<problem>')).length).toBe(3)
    // Two samples and the greedy answer for each question.
    expect(after?.answers).toHaveLength(9)
    expect(after?.answers?.[0]).toMatchObject({
      id: 'd0',
      extracted: 'gold',
      score: 1,
      verdicts: [{ name: 'one', score: 2, detail: 'so' }],
    })
    expect(after?.answers?.filter(({ greedy }) => greedy === true)).toHaveLength(3)
  })

  it('holds a policy against the start in both orders: a real preference wins', async () => {
    const [before, after] = await play({ judge: judge('one', 'gold') }, [policy('start', 'lead'), policy('b', 'gold')])
    expect(before?.versusBase).toBeUndefined()
    expect(after?.versusBase).toMatchObject({
      base: 'start',
      by: 'orders',
      wins: 3,
      losses: 0,
      ties: 0,
      flips: 0,
      void: 0,
    })
    expect(after?.versusBase?.winRate).toMatchObject({ mean: 1, n: 3 })
  })

  it('takes a judge that goes by the place for no preference: a tie, counted as a flip', async () => {
    const [, after] = await play({ judge: judge('one', 'nothing') }, [policy('start', 'lead'), policy('b', 'tin')])
    expect(after?.versusBase).toMatchObject({ wins: 0, losses: 0, ties: 3, flips: 3, p: null })
    expect(after?.versusBase?.winRate?.mean).toBe(0.5)
  })

  it('asks nobody about equal texts or an answer that cannot be read', async () => {
    const one = judge('one', 'gold')
    const unreadable = new ScriptedModel({ name: 'mute', reply: () => 'no tags' })
    const [, same, mute] = await play({ judge: one }, [policy('start', 'lead'), policy('b', 'lead'), unreadable])
    expect(same?.versusBase).toMatchObject({ ties: 3, flips: 0 })
    expect(mute?.versusBase).toMatchObject({ losses: 3 })
    expect(one.requests.some((request) => text(request).includes('<better_answer>'))).toBe(false)
    expect(mute).toMatchObject({ validity: 0, sampled: { mean: 0 } })
  })

  it('goes by scores where the task has no prompt for comparing', async () => {
    const { comparer: _comparer, ...without } = task
    const players = [policy('start', 'lead'), policy('b', 'gold')]
    const [, after] = await play({ judge: judge('one', 'gold'), task: without }, players)
    expect(after?.versusBase).toMatchObject({ by: 'scores', wins: 3 })
  })

  it('has a second judge with rubrics of its own, and says when the two part', async () => {
    const honest = judge('honest', 'true')
    const players = [policy('start', 'plain'), policy('better', 'gold true'), policy('hacked', 'gold')]
    const [before, better, hacked] = await play(
      { judge: judge('vain', 'gold'), secondJudge: honest, groundRubric: false, documents: towns(10) },
      players,
    )
    expect(before).toMatchObject({
      secondJudgement: { judge: 'honest', sampled: { mean: 0 } },
      questions: towns(10).map(() => ({ secondRubric: [{ name: 'honest' }] })),
    })
    expect(before?.secondJudgement).not.toHaveProperty('parting')
    expect(better).toMatchObject({ secondJudgement: { parting: { verdict: 'agree', best: 0 } } })
    expect(hacked).toMatchObject({
      sampled: { mean: 1 },
      secondJudgement: { sampled: { mean: 0 }, parting: { verdict: 'parted', best: 1 } },
    })
  })

  it('holds nothing against answers to other questions, or against another judge', async () => {
    const of = (name: string, question?: string): Parameters<typeof play>[0] => ({
      judge: judge(name, 'gold', question === undefined ? {} : { question }),
      secondJudge: judge('second', 'gold'),
      documents: towns(10),
    })
    const begun = await play(of('one'), [policy('start', 'lead')])
    const [, again] = await play(of('one'), [policy('b', 'gold')], begun)
    expect(again).toMatchObject({ versusBase: { wins: 10 }, secondJudgement: { parting: { verdict: 'agree' } } })
    const [, asked] = await play(of('one', 'How old?'), [policy('b', 'gold')], begun)
    expect(asked?.versusBase).toBeUndefined()
    expect(asked?.secondJudgement).not.toHaveProperty('parting')
    // Another judge with rubrics of its own for the same words.
    const [, other] = await play(of('other'), [policy('b', 'gold')], begun)
    expect(other?.versusBase).toBeUndefined()
    expect(other?.secondJudgement).not.toHaveProperty('parting')
  })

  it('takes no score of another judge for that of its own', async () => {
    const { comparer: _comparer, ...without } = task
    const [base] = await play({ judge: judge('one', 'gold'), task: without }, [policy('start', 'lead')])
    const options = { judge: judge('two', 'gold'), task: without, documents: [], frozen: base?.questions ?? [], base }
    const [guest] = await play(options, [policy('guest', 'gold')])
    expect(guest?.versusBase).toMatchObject({ by: 'scores', wins: 0, void: 3 })
  })

  it('shows the document to the second judge and, with groundRubric: false, not to the first', async () => {
    const [first, second] = [judge('first', 'x'), judge('second', 'x')]
    await play({ judge: first, secondJudge: second, groundRubric: false }, [policy('start', 'a')])
    const sees = (model: ScriptedModel): boolean =>
      model.requests.some((request) => text(request).includes('<rubric>') && text(request).includes('Town 1 has'))
    expect([sees(first), sees(second)]).toEqual([false, true])
  })

  it('leaves out and lists what a judge failed on, never as a 0', async () => {
    const broken = judge('one', 'gold', {
      fail: (request) =>
        text(request).includes('<evaluation>') && !text(request).includes('odd')
          ? new EndpointError('the judge is away', { retryable: false })
          : null,
    })
    const odd = new ScriptedModel({
      name: 'p',
      reply: (_request, index) => (index === 0 ? '<answer>odd gold</answer>' : '<answer>gold</answer>'),
    })
    const [result] = await play({ judge: broken }, [odd])
    expect(result).toMatchObject({ sampled: { mean: 1, n: 3 }, unscored: 3 })
    expect(result?.failures?.length).toBeGreaterThan(0)
    expect(result?.failures?.[0]).toMatchObject({ by: 'judge', reason: 'callFailed', message: 'the judge is away' })
  })

  it('asks a model from elsewhere the questions as they were written, against the answers that were given', async () => {
    const [base] = await play({ judge: judge('one', 'gold') }, [policy('start', 'lead')])
    const again = judge('one', 'gold')
    const [result] = await play({ judge: again, documents: [], frozen: base?.questions ?? [], base }, [
      policy('guest', 'gold'),
    ])
    expect(result?.versusBase).toMatchObject({ base: 'start', wins: 3 })
    expect(again.requests.some((request) => text(request).includes('<problem>'))).toBe(false)
  })
})
