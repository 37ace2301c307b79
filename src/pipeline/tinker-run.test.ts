/** Whole runs over a Tinker server written from the protocol's description: it plays and is trained, over two rounds. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock, type Clock } from '../core/clock.ts'
import { modelFingerprint } from '../engine/index.ts'
import { exampleSchema, preferencePairSchema, trainingStepSchema, type RunEvent } from '../records/index.ts'
import { TinkerServer } from '../training/testing/tinker-server.ts'
import type { RunSummary } from './index.ts'
import { others, ROLES, runTable, TOKENIZER, VOCAB, type Others, type TableRunOptions } from './testing/tinker-table.ts'
import { TinkerPolicy } from './tinker-policy.ts'

let dir = ''
let server: TinkerServer
let baseUrl = ''
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'pop-tinker-run-'))
  server = new TinkerServer('sum', VOCAB)
  baseUrl = await server.start()
})
afterEach(async () => {
  await server.stop()
  rmSync(dir, { recursive: true, force: true })
})

const run = (name: string, options: Pick<TableRunOptions, 'asked' | 'onEvent' | 'changes'> = {}): Promise<RunSummary> =>
  runTable({ ...options, baseUrl, runDir: join(dir, name) })

/** The second step of the first round fails. */
function failAfterFirstStep(): (event: RunEvent) => void {
  return (event) => {
    if (event.type === 'step') server.faults.set('optim_step', [{ status: 400, body: { detail: 'out of memory' } }])
  }
}

function lines(name: string, round: number, file: string): unknown[] {
  const text = readFileSync(join(dir, name, `round-${round}`, file), 'utf8')
  return text
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
}

const ONLINE = {
  rounds: 1,
  evaluation: { suites: [] },
  training: {
    backend: 'tinker',
    lora: { rank: 8, alpha: 32 },
    learningRate: 0.05,
    batchSize: 1,
    schedule: 'constant',
    objective: { type: 'rloo' },
    staleness: 2,
  },
}

const stepsOf = (name: string, round: number): { loss: number; margin: number }[] =>
  lines(name, round, 'metrics.jsonl').map((line) => {
    const { loss, margin } = trainingStepSchema.parse(line)
    return { loss, margin }
  })

it('plays and trains two rounds there: the second is played by what the first one trained', async () => {
  const { rounds } = await run('whole')
  const checkpoints = rounds.map(({ checkpoint }) => (checkpoint === null ? null : modelFingerprint(checkpoint)))
  expect(checkpoints).toEqual([null, expect.any(String), expect.any(String)])
  expect(checkpoints[1]).not.toBe(checkpoints[2])
  expect(rounds.map(({ results }) => results.map(({ suite }) => suite))).toEqual([
    ['heldout'],
    ['heldout'],
    ['heldout'],
  ])
  for (const round of [1, 2]) {
    const steps = stepsOf('whole', round)
    expect(steps).toHaveLength(Math.ceil((rounds[round]?.pairs ?? 0) / 2))
    // The first step has moved nothing yet.
    expect(steps[0]?.loss).toBeCloseTo(Math.LN2, 5)
    for (const line of lines('whole', round, 'pairs.jsonl'))
      expect(preferencePairSchema.parse(line).tokens).toBeDefined()
  }
  const saved = JSON.parse(readFileSync(join(rounds[1]?.checkpoint ?? '', 'tinker.json'), 'utf8')) as { state: string }
  const loaded = server.requests.filter(({ route }) => route === 'load_weights').map(({ body }) => body['path'])
  expect(loaded).toContain(saved.state)
  const sampled = new Set(
    server.requests.filter(({ route }) => route === 'asample').map(({ body }) => body['model_path']),
  )
  expect(rounds.map(({ results: [heldOut] }) => typeof heldOut?.sampled?.mean)).toEqual(['number', 'number', 'number'])
  // The base model, round 1 and round 2.
  expect(sampled.size).toBeGreaterThanOrEqual(3)
  expect(server.openModels).toBe(0)
})

it('trains on the text of another model’s answers, not on its ids', async () => {
  const teacher = fileURLToPath(new URL('../../test/goldens/tiny-models/llama', import.meta.url))
  const roles = { ...ROLES, solver: { backend: 'embedded', path: teacher, threads: 1 } }
  await run('taught', { changes: { roles, rounds: 1, evaluation: { suites: [] } } })
  const pairs = lines('taught', 1, 'pairs.jsonl').map((line) => preferencePairSchema.parse(line))
  expect(pairs.length).toBeGreaterThan(0)
  expect(pairs.filter(({ tokens }) => tokens !== undefined)).toEqual([])
})

it('goes on after a training that failed, with no call made twice, and comes to the same', async () => {
  await run('whole')
  const asked = others()
  await expect(run('cut', { asked, onEvent: failAfterFirstStep() })).rejects.toThrow('out of memory')
  expect([server.openModels, existsSync(join(dir, 'cut', 'round-1', 'checkpoint'))]).toEqual([0, false])
  const before = asked.calls()
  await run('cut', { asked })
  const whole = others()
  await run('again', { asked: whole })
  expect(asked.calls()).toBe(whole.calls())
  expect(before).toBeLessThan(whole.calls())
  for (const round of [1, 2]) {
    expect(stepsOf('cut', round)).toEqual(stepsOf('whole', round))
    expect(lines('cut', round, 'pairs.jsonl')).toEqual(lines('whole', round, 'pairs.jsonl'))
  }
})

it('plays on after the server was restarted in the middle of a round, and keeps nothing open there', async () => {
  const { rounds } = await run('restarted', {
    onEvent: (event) => {
      // Round 1's weights were loaded to be evaluated, and play round 2.
      const isBetween = event.type === 'stage' && event.round === 1 && event.stage === 'evaluate'
      if (isBetween && event.state === 'finished') server.forget()
    },
  })
  expect(rounds[2]?.examples).toEqual({ complete: 4 })
  const saved = JSON.parse(readFileSync(join(rounds[1]?.checkpoint ?? '', 'tinker.json'), 'utf8')) as { state: string }
  const loads = server.requests.filter(({ route, body }) => route === 'load_weights' && body['path'] === saved.state)
  // To be evaluated, after the restart, and to be trained.
  expect(loads).toHaveLength(3)
  expect(server.openModels).toBe(0)
})

it('plays ahead while it trains: the files do not depend on which batch was faster, nor on a step that failed', async () => {
  await run('even', { changes: ONLINE })
  const order = (name: string): unknown[] =>
    lines(name, 1, 'examples.jsonl').map((line) => exampleSchema.parse(line).documentId)
  const [first = ''] = order('even').map(String)
  const text = `Town ${first.replace('train', '')} has`
  await run('uneven', { asked: others(text), changes: ONLINE })
  expect(order('uneven')).toEqual(order('even'))
  expect(stepsOf('uneven', 1)).toEqual(stepsOf('even', 1))
  expect(stepsOf('even', 1).length).toBeGreaterThan(1)

  const asked = others()
  await expect(run('cut', { asked, changes: ONLINE, onEvent: failAfterFirstStep() })).rejects.toThrow('out of memory')
  const [before, open] = [asked.calls(), server.openModels]
  await systemClock.sleep(100)
  expect([asked.calls(), open]).toEqual([before, 0])
  await run('cut', { asked, changes: ONLINE })
  expect([order('cut'), stepsOf('cut', 1)]).toEqual([order('even'), stepsOf('even', 1)])
  const whole = others()
  await run('again', { asked: whole, changes: ONLINE })
  expect(asked.calls()).toBe(whole.calls())
})

/** Three rounds that may go by without a pair or a group. */
const UNTRAINED = {
  rounds: 3,
  health: { pairedQuestions: { stop: false }, tiedQuestions: { stop: false } },
  evaluation: { suites: [] },
}

it.each([
  ['pairs', { ...UNTRAINED, pairing: { minMargin: 50 } }],
  ['groups', { ...ONLINE, ...UNTRAINED, pairing: { minStd: 50 } }],
])('plays on with the first weights, and has no checkpoint, where no round has %s', async (name, changes) => {
  const { rounds, checkpoint } = await run(name, { changes })
  expect(rounds.map(({ examples }) => examples.complete)).toEqual([undefined, 4, 4, 4])
  expect([...rounds.map((round) => round.checkpoint), checkpoint]).toEqual([null, null, null, null, null])
})

it('keeps the name of weights that a round leaves as they were', async () => {
  const asked = others()
  let tied = false
  // From the second round on every answer is judged alike, and no pair comes of it.
  const fetch: Others['fetch'] = async (url, init) => {
    const response = await asked.fetch(url, init)
    if (!tied || url.startsWith(baseUrl)) return response
    return new Response((await response.text()).replaceAll(/(rating\\":)\d/g, '$11'), response)
  }
  const { rounds } = await run('tied', {
    asked: { ...asked, fetch },
    changes: { rounds: 3, health: UNTRAINED.health },
    onEvent: (event) => {
      if (event.type === 'stage' && event.stage === 'train' && event.state === 'finished') tied = true
    },
  })
  expect(rounds.map(({ pairs }) => pairs > 0)).toEqual([false, true, false, false])
  const names = rounds.map(({ results: [heldOut] }) => heldOut?.policy)
  expect(names[1]).toMatch(/^round-1@/)
  expect(names.slice(2)).toEqual([names[1], names[1]])
  expect(rounds[3]?.checkpoint).toBe(rounds[1]?.checkpoint)
})

/** A heart that beats every few milliseconds. */
const hasty: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 5), signal) }
const request = {
  messages: [{ role: 'user' as const, content: 'Hi' }],
  n: 1,
  temperature: 1,
  topP: 1,
  maxTokens: 3,
  seed: 1,
}

it.each([
  ['lost, and loaded again', 'asample', { status: 404, body: { detail: 'Model not found' } }, true],
  ['loaded but not published', 'save_weights_for_sampler', { status: 400, body: { detail: 'no space left' } }, false],
])('holds no session of weights that were %s', async (_what, route, fault, plays) => {
  const { rounds } = await run('whole')
  const place = { baseUrl, name: 'bigram', dir: TOKENIZER, env: {}, clock: hasty }
  const policy = new TinkerPolicy(place, rounds[1]?.checkpoint ?? '', 'round-1')
  server.faults.set(route, [fault])
  const played = await policy.generate(request).then(
    (answers) => answers.length === 1,
    () => false,
  )
  expect(played).toBe(plays)
  expect(server.openModels).toBe(plays ? 1 : 0)
  await policy.release()
  expect(server.openModels).toBe(0)
  const beats = (): number => server.requests.filter(({ route: name }) => name === 'session_heartbeat').length
  await systemClock.sleep(50)
  const before = beats()
  await systemClock.sleep(100)
  expect(beats()).toBe(before)
})
