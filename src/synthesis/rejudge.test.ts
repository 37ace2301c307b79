/** Judging stored answers again: what is kept, what is asked for, and that nothing is sampled. */
import { describe, expect, it } from 'vitest'
import type { Example, GenerateRequest } from '../records/index.ts'
import { builtinTasks } from '../roles/index.ts'
import { synthesize, type SynthesisOptions } from './synthesize.ts'
import { asStored, scores, useWorkbench } from './testing/workbench.ts'
import { makeDocuments, makeModels, makeSettings, type RoleName } from './testing/world.ts'

const { options } = useWorkbench()

type Models = ReturnType<typeof makeModels>
const asked = (models: Models): Record<RoleName, number> => ({
  proposer: models.proposer.requests.length,
  solver: models.solver.requests.length,
  rubric: models.rubric.requests.length,
  scorer: models.scorer.requests.length,
})
const rejudge = (
  run: SynthesisOptions,
  examples: readonly Example[],
  overrides: Partial<SynthesisOptions>,
  failedOnly = false,
): Promise<Example[]> =>
  synthesize({ ...run, documents: [], stored: { examples: asStored(examples), failedOnly }, ...overrides })

const rated = (rating: number): string =>
  `<evaluation>{"criterion_1": {"name": "Count", "thoughts": "t", "rating": ${rating}}}</evaluation>`

describe('stored answers judged again', () => {
  it('make no call under the same settings, and come out the same', async () => {
    const run = await options({ documents: makeDocuments(3) })
    const before = await synthesize(run)
    const models = makeModels()
    expect(await rejudge(run, before, { models })).toEqual(before)
    expect(asked(models)).toEqual({ proposer: 0, solver: 0, rubric: 0, scorer: 0 })
  })

  it('keep questions, answers and rubrics when the mode of scoring changes', async () => {
    const run = await options({ documents: makeDocuments(2) })
    const before = await synthesize(run)
    const models = makeModels({ scorer: { reply: () => '<better_answer>A</better_answer>' } })
    const after = await rejudge(run, before, { models, settings: makeSettings({}, { mode: 'pairwise' }) })
    expect(asked(models)).toEqual({ proposer: 0, solver: 0, rubric: 0, scorer: 2 * 12 })
    expect(after.map(({ rubric }) => rubric)).toEqual(before.map(({ rubric }) => rubric))
    expect(after[0]?.candidates.map(({ response }) => response)).toEqual(before[0]?.candidates.map((c) => c.response))
    expect(after[0]?.candidates[0]).toMatchObject({ evaluation: null, score: { status: 'scored', value: 0.5 } })
  })

  it('keep questions and answers when the prompt of the rubric writer changes', async () => {
    const run = await options({ documents: makeDocuments(2) })
    const before = await synthesize(run)
    const general = builtinTasks.get('general')
    if (general === undefined) throw new Error('the general task is missing')
    const { rubricWriter } = general
    const messages: typeof rubricWriter.messages = (input) => [
      ...rubricWriter.messages(input),
      { role: 'user', content: 'Be stricter.' },
    ]
    const criterion = { name: 'Place', gold: 'Orr', description: 'd', weight: 1 }
    const models = makeModels({
      rubric: { reply: () => `<rubric>${JSON.stringify({ criterion_1: criterion })}</rubric>` },
    })
    const task = { ...general, rubricWriter: { ...rubricWriter, messages } }
    // Whole documents played again find their questions and answers in the journal too.
    const played = await synthesize({ ...run, models, task })
    expect(asked(models)).toEqual({ proposer: 0, solver: 0, rubric: 2, scorer: 2 * 4 })
    expect(await rejudge(run, before, { models, task })).toEqual(played)
    expect(asked(models)).toEqual({ proposer: 0, solver: 0, rubric: 2, scorer: 2 * 4 })
  })

  it('leave a question alone that never got as far as judging', async () => {
    const run = await options({ documents: makeDocuments(1), models: makeModels({ proposer: { reply: () => 'no' } }) })
    const before = await synthesize(run)
    const models = makeModels()
    expect(await rejudge(run, before, { models })).toEqual(before)
    expect(asked(models).solver).toBe(0)
  })
})

describe('only what failed, judged again', () => {
  it('asks anew for replies that could not be read, and for nothing else', async () => {
    const broken = (request: GenerateRequest): string =>
      JSON.stringify(request.messages).includes('About 2 ') ? 'unreadable' : rated(1)
    const run = await options({ documents: makeDocuments(2), models: makeModels({ scorer: { reply: broken } }) })
    const before = await synthesize(run)
    expect(scores(before[0])).toEqual(['scored', 'scored', 'noTag', 'scored'])

    // The judge is mended: one fresh call for each answer that had no score.
    const mended = makeModels({ scorer: { reply: () => rated(2) } })
    const after = await rejudge(run, before, { models: mended }, true)
    expect(asked(mended)).toEqual({ proposer: 0, solver: 0, rubric: 0, scorer: 2 })
    expect(scores(after[0])).toEqual(['scored', 'scored', 'scored', 'scored'])
    expect(after[0]?.candidates[2]?.score).toEqual({ status: 'scored', value: 2 })
    expect(after[0]?.candidates[0]).toEqual(before[0]?.candidates[0])

    const again = makeModels()
    expect(await rejudge(run, after, { models: again }, true)).toEqual(after)
    expect(asked(again).scorer).toBe(0)
  })

  it('goes on failing in bounded steps: one fresh try each time', async () => {
    const models = makeModels({ scorer: { reply: () => 'unreadable' } })
    const run = await options({ documents: makeDocuments(1), models })
    let examples = await synthesize(run)
    for (const total of [8, 12, 16]) {
      expect(asked(models).scorer).toBe(total)
      examples = await rejudge(run, examples, {}, true)
    }
    expect(new Set(models.scorer.requests.map(({ seed }) => seed)).size).toBe(models.scorer.requests.length)
    expect(examples[0]?.status).toBe('scoringFailed')
  })

  it('is found again when the documents are played again: what was mended stays mended', async () => {
    let tries = 0
    // Readable from the third try of each answer on, which only judging again makes.
    const run = await options({
      documents: makeDocuments(1),
      models: makeModels({ scorer: { reply: () => (++tries <= 8 ? 'unreadable' : rated(2)) } }),
    })
    const before = await synthesize(run)
    expect(before[0]?.status).toBe('scoringFailed')
    const mended = await rejudge(run, before, {}, true)
    expect(mended[0]?.status).toBe('complete')
    const models = makeModels()
    expect(await synthesize({ ...run, models })).toEqual(mended)
    expect(asked(models)).toEqual({ proposer: 0, solver: 0, rubric: 0, scorer: 0 })
  })

  it('writes a rubric anew that could not be read', async () => {
    const run = await options({ documents: makeDocuments(1), models: makeModels({ rubric: { reply: () => 'none' } }) })
    const before = await synthesize(run)
    expect(before[0]?.status).toBe('rubricFailed')
    const models = makeModels()
    const after = await rejudge(run, before, { models }, true)
    expect(asked(models)).toEqual({ proposer: 0, solver: 0, rubric: 1, scorer: 4 })
    expect(after[0]?.status).toBe('complete')
  })
})
