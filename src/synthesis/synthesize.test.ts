import { describe, expect, it } from 'vitest'
import { deriveSeed } from '../core/rng.ts'
import { exampleSchema } from '../records/index.ts'
import { SynthesisTally, type SynthesisEvent } from './events.ts'
import { synthesize } from './synthesize.ts'
import { impatientClock, scores, useWorkbench } from './testing/workbench.ts'
import { makeDocuments, makeModels, makeSettings, replies, requestsTo, type RoleScripts } from './testing/world.ts'

const { closeJournals, openJournal, options } = useWorkbench()

describe('synthesize', () => {
  it('gives a complete, valid example for every question, in the order of the documents', async () => {
    const documents = makeDocuments(5)
    const settings = makeSettings({ questionsPerDocument: 2 })
    const models = makeModels()
    const examples = await synthesize(await options({ documents, settings, models }))
    expect(examples.map(({ documentId, questionIndex }) => [documentId, questionIndex])).toEqual(
      documents.flatMap(({ id }) => [
        [id, 0],
        [id, 1],
      ]),
    )
    for (const example of examples) {
      expect(exampleSchema.parse(example)).toEqual(example)
      expect(example.status).toBe('complete')
      expect(example.candidates.map(({ index }) => index)).toEqual([0, 1, 2, 3])
      expect(scores(example)).toEqual(['scored', 'scored', 'scored', 'scored'])
      expect(example.question?.conversation.at(-1)).toEqual({
        role: 'assistant',
        content: '<problem>How many?</problem><answer>37</answer>',
      })
      expect(example.rubricConversation?.at(-1)?.role).toBe('assistant')
    }
    expect(requestsTo(models)).toBe(10 * (1 + 1 + 1 + 4))
  })

  it('does not mind a clock that is set back and forth: same examples, no call twice, no time taken from it', async () => {
    const documents = makeDocuments(6)
    const undisturbed = await synthesize(await options({ documents }))
    const day = 86_400_000
    const jumps = [0, 30 * day, -400 * day, 1, -day, 9 * day]
    let looked = 0
    const clock = { ...impatientClock(), now: () => 1e12 + (jumps[looked++ % jumps.length] ?? 0) }
    const journal = await openJournal('jumps')
    expect(await synthesize(await options({ documents, journal, clock }))).toEqual(undisturbed)
    const times = [...journal.keys()].flatMap((key) => journal.latest(key) ?? [])
    expect(times.some(({ at }, i) => at < (times[i - 1]?.at ?? 0))).toBe(true)
    expect(times.every((entry) => entry.kind === 'decision' || entry.ms === 0)).toBe(true)
    await closeJournals()
    const models = makeModels()
    const again = await options({ documents, journal: await openJournal('jumps'), clock, models })
    expect(await synthesize(again)).toEqual(undisturbed)
    expect(requestsTo(models)).toBe(0)
  })

  it('gives the same examples whatever the concurrency and the order in which calls come back', async () => {
    const documents = makeDocuments(12)
    const run = async (name: string, concurrency: number, delay?: number): Promise<string> => {
      const slow: RoleScripts = {}
      for (const role of ['proposer', 'solver', 'rubric', 'scorer'] as const) {
        if (delay !== undefined) slow[role] = { delay: (_request, random) => random.below(delay) }
      }
      const journal = await openJournal(name)
      const models = makeModels(slow, replies)
      const examples = await synthesize(await options({ documents, models, journal, concurrency }))
      return JSON.stringify(examples)
    }
    const alone = await run('alone', 1)
    expect(await run('many', 16, 8)).toBe(alone)
    expect(await run('three', 3, 5)).toBe(alone)
  })

  it('makes no call when the journal is complete, and rebuilds the same bytes', async () => {
    const first = await options({ models: makeModels({}, replies), documents: makeDocuments(20) })
    const before = JSON.stringify(await synthesize(first))
    await closeJournals()
    const models = makeModels({}, replies)
    const tally = new SynthesisTally()
    const onEvent = (event: SynthesisEvent): void => {
      tally.add(event)
    }
    const again = await options({ models, documents: makeDocuments(20), concurrency: 9, onEvent })
    expect(JSON.stringify(await synthesize(again))).toBe(before)
    expect(requestsTo(models)).toBe(0)
    expect(tally.stages.score.replayed).toBe(tally.stages.score.done)
    expect(tally.stages.score.completionTokens).toBe(0)
    expect(tally.examplesFinished).toBe(20)
  })

  it('derives every seed from the run seed and the call key, so that no two calls share one', async () => {
    const models = makeModels()
    const run = await options({ models, documents: makeDocuments(3) })
    await synthesize(run)
    const id = makeDocuments(3)[1]?.id ?? ''
    const expected = ['propose/a0', 'solve/a0', 'rubric/a0', 'score/c0', 'score/c1', 'score/c2', 'score/c3']
    const keys = expected.map((name) => `r1/${id}/q0/${name}`)
    expect([...run.journal.keys()].filter((key) => key.includes(id)).sort()).toEqual([...keys].sort())
    const seeds = Object.values(models).flatMap(({ requests }) => requests.map(({ seed }) => seed))
    expect(new Set(seeds).size).toBe(seeds.length)
    for (const key of keys) expect(seeds).toContain(deriveSeed(45, key))
    expect(models.solver.requests[0]).toMatchObject({ n: 4, temperature: 1, topP: 1, maxTokens: 6144 })
    expect(models.scorer.requests[0]).toMatchObject({ n: 1, temperature: 0, maxTokens: 4096 })
  })

  it.each(['questionStarted', 'callStarted', 'callFinished', 'exampleFinished'] as const)(
    'ends with the error of a listener that throws at %s',
    async (type) => {
      const onEvent = (event: SynthesisEvent): void => {
        if (event.type === type) throw new Error('the listener failed')
      }
      await expect(synthesize(await options({ documents: makeDocuments(3), onEvent }))).rejects.toThrow(
        'the listener failed',
      )
    },
  )

  it('refuses documents that share an id', async () => {
    const [document] = makeDocuments(1)
    if (document === undefined) throw new Error('no document')
    await expect(synthesize(await options({ documents: [document, document] }))).rejects.toThrow(/is there twice/)
  })
})

describe('a changed configuration', () => {
  it('keeps every call when only the scoring rules change', async () => {
    const run = await options()
    await synthesize(run)
    const models = makeModels()
    const scoring = { ...run.settings.scoring, missingCriterion: 'zero' as const }
    await synthesize({ ...run, models, settings: { ...run.settings, scoring } })
    expect(requestsTo(models)).toBe(0)
  })

  it('makes only the calls again that depend on what changed, and still finds the old ones when it is changed back', async () => {
    const run = await options()
    const before = JSON.stringify(await synthesize(run))
    const models = makeModels({ scorer: { name: 'another judge' } })
    await synthesize({ ...run, models })
    expect(requestsTo(models)).toBe(6 * 4)
    expect(models.scorer.requests.length).toBe(6 * 4)
    const back = makeModels()
    expect(JSON.stringify(await synthesize({ ...run, models: back }))).toBe(before)
    expect(requestsTo(back)).toBe(0)
  })
})
