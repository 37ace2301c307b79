/** `pop eval --suite heldout`: a run's own rounds, another model on its questions, an interruption; against a real HTTP server. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { systemClock } from '../../core/clock.ts'
import { isJsonObject, parseJson } from '../../core/json.ts'
import { choose } from '../../evaluation/question-suite.ts'
import { suiteResultSchema, type SuiteResult } from '../../records/index.ts'
import { dispatch } from '../dispatch.ts'
import { fakeContext, type FakeContext } from '../testing/fake-context.ts'
import { verbs } from '../verbs.ts'

const dir = mkdtempSync(join(tmpdir(), 'pop-eval-heldout-'))
const run = join(dir, 'run')
const worse = join(dir, 'worse')
/** Bodies of the requests, in order. */
const asked: string[] = []
/** Addresses of files that were asked for, as of the hub. */
const fetched: string[] = []
let onRequest = (): void => undefined
const server = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk: Buffer) => (body += chunk.toString()))
  request.on('end', () => {
    if (request.method !== 'POST') {
      fetched.push(request.url ?? '')
      response.writeHead(404).end()
      return
    }
    asked.push(body)
    onRequest()
    const json = parseJson(body)
    const { model, n, messages } = json.ok && isJsonObject(json.value) ? json.value : {}
    const name = typeof model === 'string' ? model : ''
    const choices = Array.from({ length: Number(n ?? 1) }, (_, index) => ({
      index,
      finish_reason: 'stop',
      message: { role: 'assistant', content: reply(name, JSON.stringify(messages), index) },
    }))
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ choices, usage: { prompt_tokens: 1, completion_tokens: 1 } }))
  })
})

/** `good` writes the word that the judge likes, `mixed` in its first sample only. */
function reply(model: string, prompt: string, index: number): string {
  if (prompt.includes('<better_answer>')) {
    return `<better_answer>${/<answer_A>\\n[^<]*gold/.test(prompt) ? 'A' : 'B'}</better_answer>`
  }
  const rating = /<answer>\\n[^<]*gold/.test(prompt) ? 2 : 0
  if (prompt.includes('<evaluation>'))
    return `<evaluation>{"criterion_1": {"name": "c", "thoughts": "t", "rating": ${rating}}}</evaluation>`
  if (prompt.includes('<rubric>'))
    return '<rubric>{"criterion_1": {"name": "c", "gold": "g", "description": "d", "weight": 1}}</rubric>'
  if (prompt.includes('<problem>'))
    return `<problem>${model === 'other' ? 'How old?' : 'How many?'}</problem><answer>37</answer>`
  const isGold = model === 'good' || (model === 'mixed' && index === 0)
  return `<answer>${isGold ? 'gold' : 'lead'}</answer>`
}

let url = ''
beforeAll(async () => {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  const text = (i: number): string => JSON.stringify({ text: `Document ${i}. ${'word '.repeat(60)}` })
  writeFileSync(join(dir, 'corpus.jsonl'), Array.from({ length: 12 }, (_, i) => `${text(i)}\n`).join(''))
  writeFileSync(
    join(dir, 'pop.yaml'),
    JSON.stringify({
      seed: 7,
      corpus: { source: join(dir, 'corpus.jsonl'), documents: 2 },
      model: { backend: 'openai', baseUrl: url, name: 'start' },
      synthesis: { candidates: 2 },
      scoring: { output: 'tags' },
      evaluation: { documents: 4, samples: 1, secondJudge: { backend: 'openai', baseUrl: url, name: 'second' } },
      health: { pairedQuestions: { stop: false }, tiedQuestions: { stop: false } },
    }),
  )
  const { code, stderr } = await pop(['run', join(dir, 'pop.yaml'), '--run', run])
  expect([code, stderr.includes('internal error')], stderr).toEqual([0, false])
}, 240_000)
afterAll(() => {
  server.close()
  rmSync(dir, { recursive: true, force: true })
})

/** A server's answers take real time. */
function withClock(): FakeContext {
  return { ...fakeContext(), clock: systemClock }
}

async function pop(
  args: readonly string[],
  context: FakeContext = withClock(),
): Promise<{ code: number; stdout: string; stderr: string; results: SuiteResult[] }> {
  const code = await dispatch([...args], verbs, '0.0.0', context)
  const json = parseJson(context.output.stdout)
  const results = json.ok && isJsonObject(json.value) ? json.value['results'] : []
  return { code, ...context.output, results: results as unknown as SuiteResult[] }
}

describe('pop eval --suite heldout', () => {
  test('of a run asks nothing that the run asked, and gives the same result with every answer', async () => {
    const before = asked.length
    const { code, results } = await pop(['eval', run, '--suite', 'heldout', '--json'])
    expect([code, asked.length - before]).toEqual([0, 0])
    expect(results[0]).toMatchObject({
      suite: 'heldout',
      round: 0,
      judge: 'start',
      sampled: { mean: 0, n: 4 },
      secondJudgement: { judge: 'second', sampled: { mean: 0, n: 4 } },
    })
    expect(results[0]?.questions).toHaveLength(4)
    expect(results[0]?.answers).toHaveLength(8)
  })

  test('of another model asks the questions of the run, and holds it against where the run began', async () => {
    const before = asked.length
    const out = join(dir, 'guest')
    const args = ['eval', `${url}#good`, '--suite', 'heldout', '--of', run, '--out', out, '--json']
    const { code, results } = await pop(args)
    expect(code).toBe(0)
    expect(results[0]).toMatchObject({
      policy: 'good',
      judge: 'start',
      sampled: { mean: 1, n: 4 },
      versusBase: { base: 'start', by: 'orders', wins: 4, losses: 0, flips: 0, winRate: { mean: 1, n: 4 } },
    })
    expect(asked.slice(before).some((body) => body.includes('<problem>'))).toBe(false)
    const table = await pop(args.slice(0, -1))
    expect(table.stdout).toContain('against start: win rate 1.000')
    expect(table.stdout).toContain('second judge, second: 1.000')
  })

  test('of another model meets the seed of the run, and its questions are compared with a corpus', async () => {
    const out = join(dir, 'seeded')
    const corpus = join(dir, 'corpus.jsonl')
    const args = ['eval', `${url}#good`, '--suite', 'heldout', '--of', run, '--out', out, '--corpus', corpus, '--json']
    const { results } = await pop(args)
    expect(results[0]).toMatchObject({ seed: 7, contamination: { items: 4 } })
  })

  test('a trial goes elsewhere: what the run measured stays as it was', async () => {
    const file = join(run, 'round-0', 'evaluation.json')
    const before = readFileSync(file, 'utf8')
    for (const trial of [
      ['--limit', '2'],
      ['--judge', `${url}#other`],
      ['--second-judge', `${url}#other`],
      ['--seed', '1'],
    ]) {
      const { code, stderr } = await pop(['eval', run, '--suite', 'heldout', ...trial])
      expect([code, stderr]).toEqual([2, expect.stringContaining(`${trial[0]} would replace`)])
    }
    const out = join(dir, 'trial')
    const { code, results } = await pop(['eval', run, '--suite', 'heldout', '--limit', '2', '--out', out, '--json'])
    expect([code, readFileSync(file, 'utf8')]).toEqual([0, before])
    const all = z
      .array(suiteResultSchema)
      .parse(JSON.parse(before))
      .flatMap(({ questions = [] }) => questions)
    expect(results[0]).toMatchObject({ limit: 2, sampled: { n: 2 } })
    // Drawn by the seed, as of every suite, and not the first of the documents.
    expect(results[0]?.questions?.map(({ id }) => id)).toEqual(choose(all, 2, 7).map(({ id }) => id))
    expect(choose(all, 2, 7)).not.toEqual(all.slice(0, 2))
    const guest = ['eval', `${url}#good`, '--suite', 'heldout', '--of', run, '--limit', '2', '--out', join(dir, 'few')]
    expect((await pop([...guest, '--json'])).results[0]).toMatchObject({ limit: 2, questions: choose(all, 2, 7) })
  })

  test('interrupted in the middle goes on where it stopped, and asks nothing twice', async () => {
    const before = asked.length
    const context = withClock()
    const args = ['eval', `${url}#good`, '--suite', 'heldout', '--of', run, '--out', join(dir, 'cut'), '--json']
    onRequest = () => {
      if (asked.length - before === 7) context.controller.abort()
    }
    const cut = await pop([...args, '--concurrency', '2'], context)
    onRequest = () => undefined
    expect(cut.code).toBe(130)
    const { code } = await pop(args)
    expect(code).toBe(0)
    const made = asked.slice(before)
    // 4 questions: sampled and greedy answers, each rated by two judges, and 2 comparisons.
    expect(made).toHaveLength(4 * (2 + 2 * 2 + 2))
  })

  test('a run that lost more than evaluation.maxRegression ends with 3, and so does pop eval of it', async () => {
    // The policy behind the server answers well; the weights that are trained in its place are a toy's and answer nothing.
    const weights = fileURLToPath(new URL('../../../test/goldens/tiny-models/llama', import.meta.url))
    const file = join(dir, 'worse.yaml')
    writeFileSync(
      file,
      JSON.stringify({
        corpus: { source: join(dir, 'corpus.jsonl'), documents: 2 },
        model: { backend: 'openai', baseUrl: url, name: 'mixed' },
        synthesis: { candidates: 2, maxTokens: { solve: 32 } },
        scoring: { output: 'tags' },
        training: { path: weights, lora: false, learningRate: 1e-4, batchSize: 2, maxLength: 4096 },
        evaluation: { documents: 3, samples: 1, maxRegression: 0.5 },
      }),
    )
    const played = await pop(['run', file, '--run', worse])
    expect(played.stderr).toContain('evaluation.maxRegression (0.5) allows: heldout −1.000')
    expect(played.code).toBe(3)
    const before = asked.length
    const { code, stderr, results } = await pop(['eval', worse, '--suite', 'heldout', '--json'])
    expect([code, asked.length - before]).toEqual([3, 0])
    expect(stderr).toContain('from round 0 to round 1, more was lost')
    expect(results.map(({ round, sampled }) => [round, sampled?.mean])).toEqual([
      [0, 1],
      [1, 0],
    ])
    expect(results[1]?.versusBase).toMatchObject({ wins: 0, losses: 3, winRate: { mean: 0, n: 3 } })
  }, 240_000)

  test('a round whose questions another judge wrote is held against none before it, and that is said', async () => {
    const args = ['eval', worse, '--suite', 'heldout', '--out', join(dir, 'strangers'), '--json']
    await pop([...args, '--round', '0'])
    const { code, results, stderr } = await pop([...args, '--round', '1', '--judge', `${url}#other`])
    expect(code).toBe(0)
    expect(results[0]?.questions?.map(({ problem }) => problem)).toEqual(Array.from({ length: 3 }, () => 'How old?'))
    expect(results[0]).not.toHaveProperty('versusBase')
    expect(stderr).toContain('round 1 is not held against round 0')
  })

  test.each([
    [['eval', 'URL#good', '--suite', 'heldout'], 'name it with --of RUN'],
    [['eval', 'URL#good', '--suite', 'heldout', '--of', dir], 'There is no run in'],
    [['eval', run, '--suite', 'heldout', '--of', run], '--of is for a model from elsewhere'],
    [['eval', 'URL#good', '--suite', 'gsm8k', '--of', run], '--of is for heldout alone'],
    [['eval', 'URL#good', '--suite', 'gsm8k', '--second-judge', 'URL#x'], '--second-judge is for heldout alone'],
    [['eval', run, '--suite', 'heldout', '--samples', '4'], '--samples: heldout asks as its run asked'],
    [['eval', 'URL#good', '--suite', 'heldout', '--of', run, '--temperature', '0'], '--temperature: heldout asks'],
    [
      ['eval', 'URL#good', '--suite', 'heldout', '--of', worse, '--second-judge', 'URL#x'],
      'have no rubrics of a second',
    ],
  ])('%j says what is missing', async (words, message) => {
    const { code, stderr } = await pop(words.map((word) => word.replace('URL', url)))
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
  })

  test.each([
    [['hub', '--suite', 'gsm8k', '--of', run], '--of is for heldout alone'],
    [['hub', '--suite', 'heldout'], 'name it with --of RUN'],
    [['hub', '--suite', 'heldout', '--of', run, '--temperature', '0'], '--temperature: heldout asks'],
    [['hub', '--suite', 'heldout', '--of', dir], 'There is no run in'],
    [['hub', '--suite', 'heldout', '--of', worse, '--second-judge', 'hub'], 'have no rubrics of a second'],
    [['hub', '--suite', 'gsm8k', '--limit', '0'], '--limit must be a whole number'],
    [['hub', '--suite', 'gsm8k', '--data', 'gsm8k'], '--data takes NAME=FILE'],
    [[run, '--suite', 'heldout', '--judge', 'hub'], '--judge would replace'],
    [[run, '--suite', 'gsm8k', '--judge', 'hub', '--round', '9'], '--round 9'],
    [['http://localhost:1/v1', '--suite', 'gsm8k', '--judge', 'hub'], '#MODEL'],
  ])('eval %j is refused before any model is fetched', async (words, message) => {
    const environment = { HF_ENDPOINT: new URL(url).origin, POP_CACHE: join(dir, 'cache') }
    const hub = words.map((word) => (word === 'hub' ? 'hf://nobody/nothing' : word))
    const before = fetched.length
    const { code, stderr } = await pop(['eval', ...hub], { ...withClock(), environment })
    expect([code, stderr, fetched.slice(before)]).toEqual([2, expect.stringContaining(message), []])
  })

  test('a model of the hub is fetched where nothing is to refuse', async () => {
    const environment = { HF_ENDPOINT: new URL(url).origin, POP_CACHE: join(dir, 'cache') }
    const args = ['eval', 'hf://nobody/nothing', '--suite', 'heldout', '--of', run]
    const { code } = await pop(args, { ...withClock(), environment })
    expect([code, fetched.some((path) => path.includes('nobody/nothing'))]).toEqual([2, true])
  })
})
