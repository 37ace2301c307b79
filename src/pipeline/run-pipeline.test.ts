/** Whole runs: a scripted server plays the roles, a small real model is trained. */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InterruptedError, ThresholdError } from '../core/errors.ts'
import { isJsonObject, parseJson } from '../core/json.ts'
import { rng } from '../core/rng.ts'
import { modelFingerprint } from '../engine/index.ts'
import {
  configSchema,
  healthReportSchema,
  type Config,
  type Document,
  type RunEvent,
  type SparseConfig,
} from '../records/index.ts'
import { parseTask } from '../roles/index.ts'
import { rescoreRun, runPipeline } from './index.ts'
import type { PipelineOptions } from './index.ts'

const WEIGHTS = fileURLToPath(new URL('../../test/goldens/tiny-models/llama', import.meta.url))

const documents = (count: number, from: string): Document[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `${from}${i}`,
    text: `Town ${i} of ${from} has ${i * 37} people.`,
    source: from,
  }))

const SPARSE: SparseConfig = {
  corpus: { source: 'memory', documents: 6 },
  model: { backend: 'openai', baseUrl: 'http://127.0.0.1:9/v1', name: 'solver' },
  roles: Object.fromEntries(
    ['proposer', 'rubric', 'scorer'].map((name) => [
      name,
      { backend: 'openai', baseUrl: 'http://127.0.0.1:9/v1', name },
    ]),
  ),
  synthesis: { candidates: 4 },
  training: { path: WEIGHTS, lora: false, learningRate: 1e-3, batchSize: 2, schedule: 'constant', maxLength: 4096 },
  evaluation: { suites: ['heldout'], samples: 2 },
}

/** Plays a role, named by the model that is asked for; the reply follows from the request. */
function reply(model: string, prompt: string, seed: number, index: number): string {
  const random = rng(prompt, model, seed, index)
  const criterion = { name: 'Count', gold: '37', description: 'the number', weight: 2 }
  switch (model) {
    case 'proposer':
      return `<problem>How many people live in town ${random.below(1000)}?</problem><answer>37</answer>`
    case 'rubric':
      return `<rubric>${JSON.stringify({ criterion_1: criterion })}</rubric>`
    case 'scorer':
      return `<evaluation>${JSON.stringify({ criterion_1: { name: 'Count', thoughts: 'so', rating: random.below(3) } })}</evaluation>`
    default: {
      // The model under test is also the judge of the held-out suite: it has to be able to play every role.
      if (prompt.includes('<evaluation>')) return reply('scorer', prompt, seed, index)
      if (prompt.includes('<rubric>')) return reply('rubric', prompt, seed, index)
      if (prompt.includes('<problem>')) return reply('proposer', prompt, seed, index)
      return `<answer>About ${random.below(1000)}.</answer>`
    }
  }
}

function scriptedServer(): { fetch: NonNullable<PipelineOptions['deps']>['fetch'] & object; calls: () => number } {
  let calls = 0
  const fetch = async (_url: string, init: RequestInit): Promise<Response> => {
    calls++
    const parsed = parseJson(typeof init.body === 'string' ? init.body : '')
    const body = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
    const n = Number(body['n'] ?? 1)
    const model = typeof body['model'] === 'string' ? body['model'] : ''
    const texts = Array.from({ length: n }, (_, i) =>
      reply(model, JSON.stringify(body['messages']), Number(body['seed']), i),
    )
    const choices = texts.map((content, index) => ({
      index,
      finish_reason: 'stop',
      message: { role: 'assistant', content },
    }))
    return Response.json({ choices, usage: { prompt_tokens: 10, completion_tokens: 5 * n } })
  }
  return { fetch, calls: () => calls }
}

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pop-pipeline-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function options(
  runDir: string,
  server: ReturnType<typeof scriptedServer>,
  change: (config: Config) => Config = (c) => c,
): PipelineOptions {
  return {
    config: change(configSchema.parse(SPARSE)),
    runDir,
    task: parseTask('{ extends: general, name: general }'),
    documents: { training: documents(6, 'train'), heldOut: documents(3, 'held'), facts: null },
    deps: { env: {}, fetch: server.fetch },
  }
}

const read = (...path: string[]): string => readFileSync(join(dir, ...path), 'utf8')

describe('a run', () => {
  test('finds out that its trainer is not there before it asks anything, and needs none to play only', async () => {
    const server = scriptedServer()
    const trained = options(join(dir, 'a'), server, (config) => ({
      ...config,
      training: { ...config.training, backend: 'trl' as const, python: join(dir, 'no-python') },
    }))
    await expect(runPipeline(trained)).rejects.toThrow('trl cannot be used with')
    expect([server.calls(), existsSync(join(dir, 'a'))]).toEqual([0, false])
    const played = await runPipeline({ ...trained, synthesisOnly: true })
    expect(played.rounds[0]?.examples).toEqual({ complete: 6 })
  })

  test('plays, pairs, trains and evaluates, and leaves the documented files', async () => {
    const events: RunEvent[] = []
    const summary = await runPipeline({
      ...options(join(dir, 'a'), scriptedServer()),
      onEvent: (event) => events.push(event),
    })
    const [before, first] = summary.rounds
    const pairs = first?.pairs ?? 0
    expect(before?.results.map(({ suite, round }) => [suite, round])).toEqual([['heldout', 0]])
    expect(before?.results[0]?.validity).toBe(1)
    expect(pairs).toBeGreaterThan(0)
    expect(read('a', 'round-1', 'examples.jsonl').trim().split('\n')).toHaveLength(6)
    expect(read('a', 'round-1', 'pairs.jsonl').trim().split('\n')).toHaveLength(pairs)
    expect(read('a', 'round-1', 'metrics.jsonl').trim().split('\n')).toHaveLength(Math.ceil(pairs / 2))
    expect(modelFingerprint(summary.checkpoint ?? '')).not.toBe(modelFingerprint(WEIGHTS))
    for (const file of ['config.json', 'manifest.json', 'round-0/evaluation.json', 'round-1/evaluation.json']) {
      expect(existsSync(join(dir, 'a', file)), file).toBe(true)
    }
    expect(events.filter(({ type }) => type === 'step').length).toBe(Math.ceil(pairs / 2))
  })

  test('measures its signal, stops before training past a limit, and trains once that is lifted, with no new call', async () => {
    const server = scriptedServer()
    const events: RunEvent[] = []
    const limited = (stop: number | false) => (config: Config) => ({
      ...config,
      evaluation: { ...config.evaluation, suites: [] },
      health: { ...config.health, pairedQuestions: { warn: 1.01, stop } },
    })
    const onEvent = (event: RunEvent): number => events.push(event)
    const stopped = runPipeline({ ...options(join(dir, 'a'), server, limited(1.01)), onEvent })
    await expect(stopped).rejects.toThrow(ThresholdError)
    await expect(stopped).rejects.toThrow(/questions that became a pair .*health\.pairedQuestions\.stop: false/)
    const report = healthReportSchema.parse(JSON.parse(read('a', 'round-1', 'health.json')))
    expect(report).toMatchObject({ round: 1, questions: 6 })
    expect(report.checks.find(({ name }) => name === 'validAnswers')).toMatchObject({ value: 1, of: 24, state: 'good' })
    expect(events.find(({ type }) => type === 'health')).toEqual({ type: 'health', report })
    expect(existsSync(join(dir, 'a', 'round-1', 'checkpoint'))).toBe(false)
    const calls = server.calls()
    const summary = await runPipeline(options(join(dir, 'a'), server, limited(false)))
    expect(summary.checkpoint).not.toBeNull()
    expect(summary.rounds[1]?.health?.checks.find(({ name }) => name === 'pairedQuestions')?.state).toBe('warning')
    expect(server.calls()).toBe(calls)
  })

  test('run again makes no call and changes no result', async () => {
    const server = scriptedServer()
    const first = await runPipeline(options(join(dir, 'a'), server))
    const calls = server.calls()
    const weights = modelFingerprint(first.checkpoint ?? '')
    const again = await runPipeline(options(join(dir, 'a'), server))
    expect(server.calls()).toBe(calls)
    expect(again).toEqual(first)
    expect(modelFingerprint(again.checkpoint ?? '')).toBe(weights)
  })

  test('interrupted anywhere and run again ends as an undisturbed run does', async () => {
    const whole = await runPipeline(options(join(dir, 'whole'), scriptedServer()))
    const wanted = read('whole', 'round-1', 'examples.jsonl')
    for (const stopAfter of [2, 9, 25]) {
      const runDir = join(dir, `cut-${stopAfter}`)
      const server = scriptedServer()
      const controller = new AbortController()
      const onEvent = (): void => {
        if (server.calls() >= stopAfter) controller.abort(new InterruptedError('stop'))
      }
      await expect(runPipeline({ ...options(runDir, server), signal: controller.signal, onEvent })).rejects.toThrow(
        InterruptedError,
      )
      const cut = await runPipeline(options(runDir, server))
      expect(read(`cut-${stopAfter}`, 'round-1', 'examples.jsonl')).toBe(wanted)
      expect(cut.rounds).toEqual(
        whole.rounds.map((round) => ({
          ...round,
          checkpoint: round.checkpoint?.replace('whole', `cut-${stopAfter}`) ?? null,
        })),
      )
    }
  })

  test('makes a call again whose line was damaged inside, says so, and ends the same', async () => {
    const server = scriptedServer()
    const played = { ...options(join(dir, 'a'), server), synthesisOnly: true }
    await runPipeline(played)
    const [calls, wanted] = [server.calls(), read('a', 'round-1', 'examples.jsonl')]
    const path = join(dir, 'a', 'journal', 'round-1.jsonl')
    const lines = readFileSync(path, 'utf8').split('\n')
    const damaged = lines.findIndex((line) => line.includes('/score/c1"'))
    lines[damaged] = (lines[damaged] ?? '').replace('"text":"', '"text":"\\')
    writeFileSync(path, lines.join('\n'))
    rmSync(join(dir, 'a', 'round-1', 'examples.jsonl'))
    const notes: string[] = []
    const onEvent = (event: RunEvent): void => {
      if (event.type === 'note') notes.push(event.text)
    }
    await runPipeline({ ...played, onEvent })
    expect(server.calls()).toBe(calls + 1)
    expect(notes.join('\n')).toMatch(
      /1 lines of the journal cannot be read \(the first: .*round-1\.jsonl at byte \d+\)/,
    )
    expect(read('a', 'round-1', 'examples.jsonl')).toBe(wanted)
  })

  test('builds the examples of a round once: again only where they, or what they came from, are not the same', async () => {
    const server = scriptedServer()
    const path = join(dir, 'a', 'round-1', 'examples.jsonl')
    const summaries: string[] = []
    const play = async (change?: (config: Config) => Config, ending?: string): Promise<string> => {
      const file = { extends: 'general', name: 'general', ...(ending === undefined ? {} : { questionEnding: ending }) }
      await runPipeline({
        ...options(join(dir, 'a'), server, change),
        task: parseTask(JSON.stringify(file)),
        synthesisOnly: true,
        onEvent: (event) => {
          if (event.type === 'stage' && event.stage === 'synthesis' && event.state === 'finished')
            summaries.push(event.summary ?? '')
        },
      })
      return readFileSync(path, 'utf8')
    }
    const wasKept = (): boolean => summaries.at(-1)?.endsWith(', as built before') === true
    const [built, calls] = [await play(), server.calls()]
    expect(wasKept()).toBe(false)
    // No journal is needed for what is there whole.
    renameSync(join(dir, 'a', 'journal'), join(dir, 'journal'))
    expect([await play(), wasKept()]).toEqual([built, true])
    rmSync(join(dir, 'a', 'journal'), { recursive: true })
    renameSync(join(dir, 'journal'), join(dir, 'a', 'journal'))
    // A file that somebody wrote into, cut off, or took away, comes back.
    for (const spoiled of [built.replace('37', '38'), built.slice(0, -100), null]) {
      if (spoiled === null) rmSync(path)
      else writeFileSync(path, spoiled)
      expect([await play(), wasKept()]).toEqual([built, false])
    }
    expect(server.calls()).toBe(calls)
    const other = await play((config) => ({ ...config, scoring: { ...config.scoring, missingCriterion: 'zero' } }))
    expect([other === built, wasKept()]).toEqual([true, false])
    // What is no prompt counts too.
    const ended = await play(undefined, 'Answer in one sentence.')
    expect([ended.includes('Answer in one sentence.'), wasKept()]).toEqual([true, false])
    const reseeded = await play((config) => ({ ...config, seed: config.seed + 1 }))
    expect([reseeded === built, wasKept()]).toEqual([false, false])
    expect([await play((config) => ({ ...config, seed: config.seed + 1 })), wasKept()]).toEqual([reseeded, true])
  })

  test('with other pairing rules keeps questions, candidates and scores', async () => {
    const server = scriptedServer()
    await runPipeline(options(join(dir, 'a'), server))
    const calls = server.calls()
    const before = read('a', 'round-1', 'pairs.jsonl')
    const notes: string[] = []
    await runPipeline({
      ...options(join(dir, 'a'), server, (config) => ({ ...config, pairing: { ...config.pairing, bestOf: 2 } })),
      onEvent: (event) => event.type === 'note' && notes.push(event.text),
    })
    expect(read('a', 'round-1', 'pairs.jsonl')).not.toBe(before)
    // The trained model differs, so that its own held-out answers are asked for again: of the embedded engine and the judge.
    expect(server.calls() - calls).toBeLessThanOrEqual(3 * 3)
    expect(notes.join('\n')).toContain('pairing.bestOf')
  })

  test('that gives no pairs any more leaves nothing of the training before', async () => {
    const server = scriptedServer()
    const without = (minMargin: number) => (config: Config) => ({
      ...config,
      health: configSchema.shape.health.parse({ pairedQuestions: { stop: false }, tiedQuestions: { stop: false } }),
      pairing: { ...config.pairing, minMargin },
    })
    const trained = await runPipeline(options(join(dir, 'a'), server, without(0)))
    const left = (): boolean[] =>
      ['checkpoint', 'metrics.jsonl', 'evaluation.json'].map((name) => existsSync(join(dir, 'a', 'round-1', name)))
    expect([trained.checkpoint, ...left()]).toEqual([join(dir, 'a', 'round-1', 'checkpoint'), true, true, true])
    const { checkpoint, rounds } = await runPipeline(options(join(dir, 'a'), server, without(50)))
    expect([checkpoint, rounds[1]?.pairs]).toEqual([null, 0])
    expect(left()).toEqual([false, false, false])
  })

  test('whose answers are judged again has the health of what they came to', async () => {
    const server = scriptedServer()
    const played = options(join(dir, 'a'), server)
    await runPipeline(played)
    const calls = server.calls()
    const [examples, health] = [read('a', 'round-1', 'examples.jsonl'), read('a', 'round-1', 'health.json')]
    const { config, runDir, task, deps = { env: {} } } = played
    await rescoreRun({ config, runDir, task, deps, failedOnly: false })
    expect(read('a', 'round-1', 'examples.jsonl')).toBe(examples)
    // Also what was measured against the held-out documents, which are not read here.
    expect(read('a', 'round-1', 'health.json')).toBe(health)
    expect(server.calls()).toBe(calls)
    const twice = { ...config, scoring: { ...config.scoring, readings: 2 } }
    await rescoreRun({ config: twice, runDir, task, deps, failedOnly: false })
    const noise = (text: string): number | undefined => {
      const json = parseJson(text)
      const report = healthReportSchema.parse(json.ok ? json.value : null)
      return report.checks.find(({ name }) => name === 'judgeNoise')?.of
    }
    expect(noise(health)).toBe(0)
    expect(noise(read('a', 'round-1', 'health.json'))).toBeGreaterThan(0)
  })
})
