import { expect, it } from 'vitest'
import { configSchema, type Config } from '../records/index.ts'
import { builtinTasks } from '../roles/index.ts'
import { makeDocuments, makeModels, makeSettings } from '../synthesis/testing/world.ts'
import { synthesize } from '../synthesis/synthesize.ts'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Journal } from '../store/journal.ts'
import { assumeQuestion, contextNeeds, planRun } from './planning.ts'
import { gpuTrainingMemory, parametersByName } from './training-memory.ts'

const price = { input: 1, output: 4 }
const make = (more: object = {}): Config =>
  configSchema.parse({
    corpus: { source: 'x', documents: 10 },
    model: { backend: 'openai', baseUrl: 'http://127.0.0.1:9/v1', name: 'm', price },
    synthesis: { candidates: 4 },
    evaluation: { suites: [] },
    ...more,
  })

function generalTask(): NonNullable<ReturnType<typeof builtinTasks.get>> {
  const task = builtinTasks.get('general')
  if (task === undefined) throw new Error('the general task is missing')
  return task
}

it('counts the calls that a run without retries makes', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pop-plan-'))
  const journal = await Journal.open(dir, { groupOf: (key) => key.split('/')[3] ?? '' })
  const documents = makeDocuments(10)
  const options = { round: 1, documents, task: generalTask(), models: makeModels(), settings: makeSettings() }
  await synthesize({ ...options, journal, seed: 1, concurrency: 8 })
  const made = new Map<string, number>()
  for (const { group, calls } of journal.usageByModel()) made.set(group, (made.get(group) ?? 0) + calls)
  await journal.close()
  await rm(dir, { recursive: true })
  const config = make()
  const { stages } = planRun(
    config,
    assumeQuestion(
      config,
      generalTask(),
      documents.map(({ text }) => text),
    ),
  )
  for (const { stage, calls } of stages) expect([stage, calls]).toEqual([stage, made.get(stage) ?? 0])
})

it('scales with documents, questions and rounds, and takes prices and the modes of scoring into account', () => {
  const totals = (config: Config): ReturnType<typeof planRun> =>
    planRun(config, assumeQuestion(config, generalTask(), ['a text']))
  const one = totals(make())
  const more = totals(
    make({ corpus: { source: 'x', documents: 20 }, rounds: 1, synthesis: { candidates: 4, questionsPerDocument: 3 } }),
  )
  expect(more.total.calls).toBe(6 * one.total.calls)
  expect(one.total.cost).toBeCloseTo((one.total.promptTokens + 4 * one.total.completionTokens) / 1e6, 9)
  const pairwise = totals(make({ scoring: { mode: 'pairwise' } }))
  const score = (plan: ReturnType<typeof planRun>): number =>
    plan.stages.find(({ stage }) => stage === 'score')?.calls ?? 0
  expect([score(one), score(pairwise)]).toEqual([40, 120])
  const heldOut = totals(make({ evaluation: { documents: 2, samples: 3 } }))
  expect(heldOut.total.completionTokens).toBeGreaterThan(one.total.completionTokens)
  const free = totals(make({ model: { backend: 'openai', baseUrl: 'http://127.0.0.1:9/v1', name: 'm' } }))
  expect([free.total.cost, free.unpriced]).toEqual([null, ['m']])
})

it('knows the role with the longest prompt', () => {
  const config = make({ synthesis: { candidates: 32, maxTokens: { rubric: 1000 } } })
  const needs = contextNeeds(config, generalTask(), ['short', 'long '.repeat(1000)])
  const longest = needs.toSorted((a, b) => b.prompt - a.prompt)[0]
  expect(longest).toMatchObject({ stage: 'rubric', completion: 1000 })
  // Ten answers of a thousand tokens and the text of 1,250.
  expect(longest?.prompt).toBeGreaterThan(10_000)
  // Eleven answers that are held to 100 tokens, a question to 60: nobody reads more than was written.
  const short = make({ synthesis: { candidates: 32, maxTokens: { propose: 60, solve: 100, rubric: 1000 } } })
  const rubric = contextNeeds(short, generalTask(), ['short']).find(({ stage }) => stage === 'rubric')
  const empty = make({ synthesis: { candidates: 32, maxTokens: { propose: 1, solve: 1, rubric: 1000 } } })
  const bare = contextNeeds(empty, generalTask(), ['short']).find(({ stage }) => stage === 'rubric')
  const read = (rubric?.prompt ?? 0) - (bare?.prompt ?? 0)
  expect(Math.abs(read - (11 * 99 + 2 * 59))).toBeLessThan(12)
})

it('adds up the memory of training on GPUs', () => {
  const wishes = { loraRank: null, maxLength: 1024 } as const
  // Two bytes each for weights, reference and gradients, twelve for Adam with its float32 copy.
  expect(gpuTrainingMemory({ parameters: 7e9 }, wishes).total).toBe(7e9 * 18)
  const adapters = gpuTrainingMemory({ parameters: 7e9 }, { ...wishes, loraRank: 16 }).total
  expect(adapters).toBeGreaterThan(14e9)
  expect(adapters).toBeLessThan(17e9)
  expect(parametersByName('Qwen/Qwen2.5-7B-Instruct')).toBe(7e9)
  expect(parametersByName('SmolLM2-135M')).toBe(135e6)
  expect(parametersByName('gpt-4o')).toBeNull()
})
