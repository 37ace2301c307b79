import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '../core/clock.ts'
import { BudgetError, EndpointError, InterruptedError } from '../core/errors.ts'
import { deriveSeed } from '../core/rng.ts'
import type { ScriptedModel } from '../llm/scripted.ts'
import { exampleSchema, type Example, type LanguageModel } from '../records/index.ts'
import { builtinTasks, type TaskProfile } from '../roles/index.ts'
import { Journal } from '../store/index.ts'
import { SynthesisTally, type SynthesisEvent } from './events.ts'
import { synthesize, synthesizeTo, type SynthesisOptions } from './synthesize.ts'
import {
  makeDocuments,
  makeModels,
  makeSettings,
  replies,
  requestsTo,
  type RoleName,
  type RoleScripts,
} from './testing/world.ts'

const general = builtinTasks.get('general')
if (general === undefined) throw new Error('the general task is missing')
const task: TaskProfile = general

/** Waits are recorded and take no time. */
function impatientClock(): Clock & { waits: number[] } {
  const waits: number[] = []
  return {
    waits,
    now: () => 1,
    monotonic: () => 1,
    sleep: (ms, signal) => {
      waits.push(ms)
      return signal?.aborted === true ? Promise.reject(signal.reason as Error) : Promise.resolve()
    },
  }
}

let dir = ''
const journals: Journal[] = []
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pop-synthesis-'))
})
afterEach(async () => {
  for (const journal of journals.splice(0)) await journal.close()
  await rm(dir, { recursive: true, force: true })
})

async function openJournal(name = 'journal'): Promise<Journal> {
  const journal = await Journal.open(join(dir, name))
  journals.push(journal)
  return journal
}

async function options(overrides: Partial<SynthesisOptions> = {}): Promise<SynthesisOptions> {
  return {
    round: 1,
    documents: makeDocuments(6),
    task,
    models: makeModels(),
    settings: makeSettings(),
    journal: overrides.journal ?? (await openJournal()),
    seed: 45,
    concurrency: 4,
    clock: impatientClock(),
    ...overrides,
  }
}

function scores(example: Example | undefined): string[] {
  return (example?.candidates ?? []).map(({ score }) => (score.status === 'scored' ? 'scored' : score.reason))
}

const keysOf = (models: Record<RoleName, ScriptedModel>, role: RoleName): number => models[role].requests.length

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
    await first.journal.close()
    journals.length = 0
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

  it('refuses documents that share an id', async () => {
    const [document] = makeDocuments(1)
    if (document === undefined) throw new Error('no document')
    await expect(synthesize(await options({ documents: [document, document] }))).rejects.toThrow(/is there twice/)
  })
})

describe('the method', () => {
  it('shows the document to the proposer and the rubric writer only, and to neither when told not to', async () => {
    const documents = makeDocuments(1)
    const text = documents[0]?.text ?? ''
    const seenBy = async (name: string, overrides: object): Promise<Record<string, boolean>> => {
      const models = makeModels()
      const journal = await openJournal(name)
      await synthesize(await options({ documents, models, journal, settings: makeSettings(overrides) }))
      return Object.fromEntries(
        Object.entries(models).map(([role, { requests }]) => [role, JSON.stringify(requests).includes(text)]),
      )
    }
    const nobody = { proposer: false, solver: false, rubric: false, scorer: false }
    expect(await seenBy('a', {})).toEqual({ ...nobody, proposer: true, rubric: true })
    expect(await seenBy('b', { groundRubric: false })).toEqual({ ...nobody, proposer: true })
    expect(await seenBy('c', { groundQuestion: false })).toEqual({ ...nobody, rubric: true })
  })

  it('proposes until a reply can be read', async () => {
    let asked = 0
    const reply = (): string => (++asked < 4 ? 'no tags' : '<problem>p</problem><answer>a</answer>')
    const models = makeModels({ proposer: { reply } })
    const [example] = await synthesize(await options({ documents: makeDocuments(1), models }))
    expect(asked).toBe(4)
    expect(example?.question).toMatchObject({ problem: 'p', referenceAnswer: 'a' })
  })

  it('gives a question up after five proposals, saying why', async () => {
    const models = makeModels({ proposer: { reply: () => '<problem>p</problem>' } })
    const [example] = await synthesize(await options({ documents: makeDocuments(1), models }))
    expect(keysOf(models, 'proposer')).toBe(5)
    expect(example).toMatchObject({ status: 'proposalFailed', question: null, candidates: [], solverPrompt: [] })
    expect(example?.failure).toBe('no readable question in 5 attempts: noTag ×5')
    expect(requestsTo(models)).toBe(5)
  })

  it('samples the whole batch again while at most a quarter of n answers can be read, and keeps every one', async () => {
    // Readable answers by batch, n = 8: 1, then 2 (still no more than 2), then enough.
    const readable = [1, 1, 1]
    let batch = -1
    const reply = (_request: unknown, index: number): string => {
      if (index === 0) batch++
      return index < (readable[batch] ?? 0) ? `<answer>${batch}.${index}</answer>` : 'unreadable'
    }
    const models = makeModels({ solver: { reply } })
    const settings = makeSettings({ candidates: 8 })
    const [example] = await synthesize(await options({ documents: makeDocuments(1), models, settings }))
    expect(keysOf(models, 'solver')).toBe(3)
    expect(example?.candidates).toHaveLength(24)
    expect(example?.candidates.filter(({ answer }) => answer !== null).map(({ index, answer }) => [index, answer])).toEqual([
      [0, '0.0'],
      [8, '1.0'],
      [16, '2.0'],
    ])
    expect(keysOf(models, 'scorer')).toBe(3)
    expect(scores(example).filter((score) => score === 'invalidAnswer')).toHaveLength(21)
  })

  it('asks no judge when fewer than two answers can be read after five batches', async () => {
    const reply = (): string => 'unreadable'
    const models = makeModels({ solver: { reply } })
    const [example] = await synthesize(await options({ documents: makeDocuments(1), models }))
    expect([keysOf(models, 'solver'), keysOf(models, 'rubric'), keysOf(models, 'scorer')]).toEqual([5, 0, 0])
    expect(example?.status).toBe('answersFailed')
    expect(example?.candidates).toHaveLength(20)
    expect(example?.candidates[0]).toMatchObject({ answer: null, invalid: 'noTag', response: 'unreadable' })
  })

  it('records an unreadable rubric, and judges nothing by it', async () => {
    const models = makeModels({ rubric: { reply: () => '<rubric>[]]</rubric>' } })
    const [example] = await synthesize(await options({ documents: makeDocuments(1), models }))
    expect([keysOf(models, 'rubric'), keysOf(models, 'scorer')]).toEqual([1, 0])
    expect(example).toMatchObject({ status: 'rubricFailed', rubric: null })
    expect(example?.rubricConversation?.at(-1)?.content).toBe('<rubric>[]]</rubric>')
    expect(new Set(scores(example))).toEqual(new Set(['noRubric']))
  })

  it('treats an unreadable judgement as no score, and a cut reply as truncated', async () => {
    const usage = { promptTokens: 1, completionTokens: 1 }
    let asked = 0
    const reply = (): string | { text: string; finishReason: 'length'; usage: typeof usage } => {
      return ++asked === 1 ? { text: '<evaluation>{"cri', finishReason: 'length', usage } : 'none at all'
    }
    const models = makeModels({ scorer: { reply } })
    const [example] = await synthesize(await options({ documents: makeDocuments(1), models, concurrency: 1 }))
    expect(example?.status).toBe('scoringFailed')
    expect(scores(example)).toEqual(['truncated', 'noTag', 'noTag', 'noTag'])
    expect(example?.candidates[1]?.evaluationResponse).toBe('none at all')
  })

  it('lets the configuration override the token limits of a task', async () => {
    const models = makeModels()
    await synthesize(await options({ models, settings: makeSettings({ maxTokens: { solve: 99 } }) }))
    expect(models.solver.requests[0]?.maxTokens).toBe(99)
    expect(models.proposer.requests[0]?.maxTokens).toBe(6144)
  })
})

describe('the schedule', () => {
  it('finishes a question before it begins another when one call at a time is allowed', async () => {
    const order: string[] = []
    const onEvent = (event: SynthesisEvent): void => {
      if (event.type === 'callStarted') order.push(event.key)
    }
    const documents = makeDocuments(4)
    await synthesize(await options({ documents, concurrency: 1, onEvent }))
    const stages = ['propose/a0', 'solve/a0', 'rubric/a0', 'score/c0', 'score/c1', 'score/c2', 'score/c3']
    expect(order).toEqual(documents.flatMap(({ id }) => stages.map((stage) => `r1/${id}/q0/${stage}`)))
  })

  it('keeps the allowed number of calls in flight, never more, and begins no question before there is room', async () => {
    let inFlight = 0
    let most = 0
    let atWork = 0
    let mostAtWork = 0
    const onEvent = (event: SynthesisEvent): void => {
      if (event.type === 'questionStarted') mostAtWork = Math.max(mostAtWork, ++atWork)
      if (event.type === 'exampleFinished') atWork--
    }
    // One counter for all four models.
    const sleep = async (ms: number): Promise<void> => {
      most = Math.max(most, ++inFlight)
      await new Promise((go) => setTimeout(go, ms))
      inFlight--
    }
    const slow: RoleScripts[RoleName] = { delay: (_request, random) => random.below(4), clock: { ...impatientClock(), sleep } }
    const models = makeModels({ proposer: slow, solver: slow, rubric: slow, scorer: slow })
    await synthesize(await options({ documents: makeDocuments(40), models, concurrency: 8, onEvent }))
    expect(most).toBe(8)
    expect(mostAtWork).toBeLessThanOrEqual(8)
  })

  it('starts waiting calls of later stages first', async () => {
    const order: string[] = []
    const onEvent = (event: SynthesisEvent): void => {
      if (event.type === 'callStarted') order.push(event.stage)
    }
    // Two places. Scores of the first question queue up while the second question is still at its first stages.
    const documents = makeDocuments(6)
    await synthesize(await options({ documents, concurrency: 2, onEvent, settings: makeSettings({ candidates: 8 }) }))
    const lastPropose = order.lastIndexOf('propose')
    const scoresBefore = order.slice(0, lastPropose).filter((stage) => stage === 'score').length
    // All but the questions then under way (two at most) were judged to the end before the last one began.
    expect(scoresBefore).toBeGreaterThanOrEqual(8 * (documents.length - 2) - 1)
  })

  it('hands examples on in order, and waits for a slow taker instead of piling them up', async () => {
    const documents = makeDocuments(300)
    const seen: string[] = []
    let begun = 0
    let furthestAhead = 0
    const onEvent = (event: SynthesisEvent): void => {
      if (event.type === 'questionStarted') furthestAhead = Math.max(furthestAhead, ++begun - seen.length)
    }
    const summary = await synthesizeTo(
      await options({ documents, concurrency: 2, onEvent, settings: makeSettings({ candidates: 2 }) }),
      async ({ documentId }) => {
        await new Promise((go) => setTimeout(go, 2))
        seen.push(documentId)
      },
    )
    expect(seen).toEqual(documents.map(({ id }) => id))
    expect(furthestAhead).toBeLessThanOrEqual(2 * 2 + 64)
    expect(summary).toEqual({ examples: 300, failedCalls: 0 })
  })
})

describe('faults', () => {
  const down = new EndpointError('the server is busy', { retryable: true, status: 503 })

  it('tries a call again after growing waits, honouring what the server asks for', async () => {
    const clock = impatientClock()
    const busy = new EndpointError('slow down', { retryable: true, status: 503, retryAfterSeconds: 7 })
    const models = makeModels({ rubric: { fail: (_request, attempt) => (attempt === 1 ? busy : attempt === 2 ? down : null) } })
    const [example] = await synthesize(await options({ documents: makeDocuments(1), models, clock }))
    expect(example?.status).toBe('complete')
    expect(clock.waits).toHaveLength(2)
    expect(clock.waits[0]).toBe(7000)
    expect(clock.waits[1]).toBeGreaterThanOrEqual(1000)
    expect(clock.waits[1]).toBeLessThanOrEqual(3000)
  })

  it('leaves one candidate unscored when its judge fails, its siblings alone, and makes up for it on resume', async () => {
    const failing = makeModels({
      scorer: { fail: (request) => (JSON.stringify(request.messages).includes('About 2 or') ? down : null) },
    })
    const run = await options({ documents: makeDocuments(2), models: failing })
    const summaries: SynthesisEvent[] = []
    const examples = await synthesize({ ...run, onEvent: (event) => summaries.push(event) })
    for (const example of examples) {
      expect(example.status).toBe('complete')
      expect(scores(example)).toEqual(['scored', 'scored', 'callFailed', 'scored'])
    }
    expect(summaries.filter(({ type }) => type === 'callFailed')).toHaveLength(2)
    const healed = makeModels()
    const again = await synthesize({ ...run, models: healed })
    expect(requestsTo(healed)).toBe(2)
    expect(again.flatMap(scores)).toEqual(Array.from({ length: 8 }, () => 'scored'))
    const undisturbed = await synthesize(await options({ documents: makeDocuments(2), journal: await openJournal('new') }))
    expect(JSON.stringify(again)).toBe(JSON.stringify(undisturbed))
  })

  it('does not try again what cannot be helped, and goes on with the other questions', async () => {
    const tooLong = new EndpointError('the prompt is too long', { retryable: false, status: 400 })
    const models = makeModels({
      proposer: { fail: ({ messages }) => (JSON.stringify(messages).includes('number 1 ') ? tooLong : null) },
    })
    const examples = await synthesize(await options({ documents: makeDocuments(3), models }))
    expect(examples.map(({ status }) => status)).toEqual(['complete', 'proposalFailed', 'complete'])
    expect(examples[1]?.failure).toBe('the call failed: the prompt is too long')
    expect(keysOf(models, 'proposer')).toBe(3)
  })

  it('stops when nothing works, naming the last failure, instead of going through all documents', async () => {
    const models = makeModels({ proposer: { fail: () => down } })
    const promise = synthesize(await options({ documents: makeDocuments(200), models }))
    await expect(promise).rejects.toThrow(/10 of the last 10 calls to scripted-proposer failed.*the server is busy.*run the same/)
    await expect(promise).rejects.toBeInstanceOf(EndpointError)
    expect(requestsTo(models)).toBeLessThan(30)
  })

  it('ends with the error of a model that never worked, however short the run', async () => {
    const away = new EndpointError('nothing listens there', { retryable: false })
    const models = makeModels({ rubric: { fail: () => away } })
    const run = await options({ documents: makeDocuments(2), models })
    await expect(synthesize(run)).rejects.toThrow(/2 of the last 2 calls to scripted-rubric failed.*nothing listens there/)
    expect(await synthesize({ ...run, models: makeModels() })).toHaveLength(2)
  })

  it('stops when a model that worked stops working', async () => {
    const models = makeModels({ scorer: { fail: (request) => (request.seed % 50 > 0 ? down : null) } })
    const run = await options({ documents: makeDocuments(200), models })
    await expect(synthesize(run)).rejects.toThrow(/of the last \d+ calls to scripted-scorer failed/)
    expect(requestsTo(models)).toBeLessThan(400)
  })

  it('stops at once when the key is refused', async () => {
    const refused = new EndpointError('the key was refused (401)', { retryable: false, status: 401 })
    const models = makeModels({ scorer: { fail: () => refused } })
    await expect(synthesize(await options({ documents: makeDocuments(50), models }))).rejects.toBe(refused)
    expect(keysOf(models, 'scorer')).toBeLessThanOrEqual(4)
  })

  it('does not stop at three failures in ten, and ends with what an undisturbed run gives', async () => {
    const documents = makeDocuments(40)
    const fail = (_request: unknown, _attempt: number, random: { uniform(): number }): EndpointError | null =>
      random.uniform() < 0.3 ? down : null
    const scripts: RoleScripts = { proposer: { fail }, solver: { fail }, rubric: { fail }, scorer: { fail } }
    const models = makeModels(scripts, replies)
    const run = await options({ documents, models, concurrency: 16 })
    let failed = Infinity
    let examples: Example[] = []
    for (let session = 0; session < 10 && failed > 0; session++) {
      examples = []
      failed = (await synthesizeTo(run, (example) => void examples.push(example))).failedCalls
    }
    expect(failed).toBe(0)
    const calm = await options({ documents, models: makeModels({}, replies), journal: await openJournal('calm') })
    expect(JSON.stringify(examples)).toBe(JSON.stringify(await synthesize(calm)))
    const answered = Object.values(models).reduce((sum, model) => sum + model.answered, 0)
    expect(answered).toBe(run.journal.usage.calls)
    expect(answered).toBe(calm.journal.usage.calls)
  })

  it('lets an error of our own surface after the calls in flight are journaled', async () => {
    const bug = new TypeError('a bug')
    const sleep = (ms: number): Promise<void> => new Promise((go) => setTimeout(go, ms))
    const models = makeModels({ proposer: { delay: () => 20, clock: { ...impatientClock(), sleep } } })
    let calls = 0
    const sometimes: LanguageModel = {
      name: 'scripted-proposer',
      generate: (request) => (++calls === 3 ? Promise.reject(bug) : models.proposer.generate(request)),
    }
    const run = await options({ models: { ...models, proposer: sometimes }, concurrency: 3 })
    await expect(synthesize(run)).rejects.toBe(bug)
    expect(calls).toBe(3)
    expect(models.proposer.inFlight).toBe(0)
    expect([...run.journal.keys()]).toHaveLength(2)
  })
})

describe('stopping', () => {
  it('drains on abort: calls in flight are journaled, no other is made, and a second run goes on from there', async () => {
    const controller = new AbortController()
    const sleep = (ms: number): Promise<void> => new Promise((go) => setTimeout(go, ms))
    const slow = { delay: () => 10, clock: { ...impatientClock(), sleep } }
    const models = makeModels({ proposer: slow, solver: slow, rubric: slow, scorer: slow })
    let finished = 0
    const onEvent = (event: SynthesisEvent): void => {
      if (event.type === 'callFinished' && ++finished === 9) controller.abort()
    }
    const documents = makeDocuments(10)
    const run = await options({ documents, models, signal: controller.signal, onEvent })
    await expect(synthesize(run)).rejects.toBeInstanceOf(InterruptedError)
    const made = requestsTo(models)
    expect(made).toBeLessThanOrEqual(9 + 4)
    expect(run.journal.usage.calls).toBe(made)
    const fresh = makeModels()
    const resumed = await synthesize({ ...run, models: fresh, signal: undefined, onEvent: undefined })
    expect(requestsTo(fresh)).toBe(10 * 7 - made)
    const whole = await synthesize(await options({ documents, journal: await openJournal('whole') }))
    expect(JSON.stringify(resumed)).toBe(JSON.stringify(whole))
  })

  it('stops at the budget, counting earlier sessions, and goes on when it is raised', async () => {
    const documents = makeDocuments(5)
    const whole = await options({ documents, journal: await openJournal('whole') })
    const expected = JSON.stringify(await synthesize(whole))
    const cost = whole.journal.usage.promptTokens + whole.journal.usage.completionTokens
    const run = await options({ documents, concurrency: 1 })
    await expect(synthesize({ ...run, tokenBudget: Math.round(cost / 2) })).rejects.toBeInstanceOf(BudgetError)
    const half = run.journal.usage.calls
    expect(half).toBeGreaterThan(5)
    expect(half).toBeLessThan(30)
    await expect(synthesize({ ...run, tokenBudget: Math.round(cost / 2) })).rejects.toThrow(/raise budget.tokens/)
    expect(run.journal.usage.calls).toBe(half)
    expect(JSON.stringify(await synthesize({ ...run, tokenBudget: cost }))).toBe(expected)
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
    expect(keysOf(models, 'scorer')).toBe(6 * 4)
    const back = makeModels()
    expect(JSON.stringify(await synthesize({ ...run, models: back }))).toBe(before)
    expect(requestsTo(back)).toBe(0)
  })
})
