/**
 * Every recipe, two steps and more on a tiny model: its own file, with only the model's place, the documents and the sizes changed. The
 * laboratory's model plays and is trained; the cluster's is a scripted Tinker server (the real one: `test/peers/skyrl-run.test.ts`).
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, it } from 'vitest'
import { dispatch } from '../src/cli/dispatch.ts'
import { fakeContext } from '../src/cli/testing/fake-context.ts'
import { verbs } from '../src/cli/verbs.ts'
import { systemClock } from '../src/core/clock.ts'
import { Engine } from '../src/engine/index.ts'
import { LAB_MODEL_DIR, labCorpus } from '../src/lab/index.ts'
import { runTable, TOKENIZER, VOCAB } from '../src/pipeline/testing/tinker-table.ts'
import { trainingStepSchema, type TrainingStep } from '../src/records/index.ts'
import { ModelServer } from '../src/serve/index.ts'
import { TinkerServer } from '../src/training/testing/tinker-server.ts'
import { readRecipe, type Sections } from './read-recipe.ts'

const folder = mkdtempSync(join(tmpdir(), 'pop-recipes-'))
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const JSON_TYPE = { 'Content-Type': 'application/json' }
const python = process.env['POP_PYTHON']
const documents = join(folder, 'documents.jsonl')
writeFileSync(
  documents,
  labCorpus({ seed: 45, documents: 4 })
    .map((document) => `${JSON.stringify(document)}\n`)
    .join(''),
)
/** What a tiny model needs; the rest is the recipe's. */
const TINY: Sections = {
  task: 'lab',
  corpus: { source: documents, documents: 3, minWords: 40, maxWords: 200 },
  synthesis: { candidates: 4 },
  training: { maxLength: 1024, batchSize: 1 },
  evaluation: { suites: [], documents: 1, samples: 1 },
  rounds: 1,
}

async function pop(name: string, changes: Sections): Promise<{ steps: TrainingStep[]; checkpoint: string }> {
  const config = join(folder, `${name}.yaml`)
  writeFileSync(config, JSON.stringify(readRecipe(name, TINY, changes)))
  const environment = python === undefined ? {} : { POP_PYTHON: python }
  const context = { ...fakeContext(), clock: systemClock, environment }
  const code = await dispatch(['run', config, '--run', join(folder, name)], verbs, '0.0.0', context)
  expect([code, context.output.stderr]).toEqual([0, expect.any(String)])
  return { steps: stepsOf(name), checkpoint: join(folder, name, 'round-1', 'checkpoint') }
}

const stepsOf = (name: string): TrainingStep[] =>
  readFileSync(join(folder, name, 'round-1', 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => trainingStepSchema.parse(JSON.parse(line)))

it('laptop: the embedded engine plays and trains', async () => {
  const { steps, checkpoint } = await pop('laptop', { model: { path: LAB_MODEL_DIR, threads: 1 } })
  expect(steps.length).toBeGreaterThanOrEqual(2)
  expect(steps[0]?.loss).toBeCloseTo(Math.LN2, 5)
  expect(existsSync(join(checkpoint, 'adapter', 'adapter_model.safetensors'))).toBe(true)
}, 60_000)

/** The two routes of vLLM that the recipe needs, over our own server: chats, and adapters loaded while it runs. */
async function startVllm(): Promise<{ baseUrl: string; served: () => string[] }> {
  const addresses = new Map<string, string>()
  const serve = async (name: string, adapter?: string): Promise<void> => {
    const engine = await Engine.open(LAB_MODEL_DIR, { threads: 1, ...(adapter === undefined ? {} : { adapter }) })
    const server = new ModelServer({ engine, name, clock: systemClock, seed: 1 })
    addresses.set(name, `http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`)
    closing.push(
      () => engine.close(),
      () => server.close(),
    )
  }
  await serve('policy')
  const front = createServer((request, response) => {
    const answer = async (): Promise<Response> => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const text = Buffer.concat(chunks).toString('utf8')
      const body = JSON.parse(text === '' ? '{}' : text) as Record<string, string>
      if (request.url === '/v1/load_lora_adapter') {
        await serve(body['lora_name'] ?? '', body['lora_path'])
        return new Response('Success')
      }
      const address = addresses.get(body['model'] ?? 'policy') ?? addresses.get('policy') ?? ''
      const { method = 'GET' } = request
      return fetch(`${address}${request.url ?? ''}`, {
        method,
        ...(method === 'GET' ? {} : { body: text, headers: JSON_TYPE }),
      })
    }
    void answer().then(
      async (reply) => response.writeHead(reply.status).end(await reply.text()),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  closing.push(() => new Promise((resolve) => front.close(() => resolve())))
  const { port } = front.address() as AddressInfo
  return { baseUrl: `http://127.0.0.1:${port}/v1`, served: () => [...addresses.keys()] }
}

it(`one-gpu: a server plays, ${python === undefined ? 'the embedded engine in the place of TRL' : 'TRL'} trains, the server takes the adapter`, async () => {
  const { baseUrl, served } = await startVllm()
  const { steps } = await pop('one-gpu', {
    model: { baseUrl },
    training: { path: LAB_MODEL_DIR, ...(python === undefined ? { backend: 'embedded' } : {}) },
    evaluation: { suites: ['heldout'] },
  })
  expect(steps.length).toBeGreaterThanOrEqual(2)
  // TRL prints four digits.
  expect(steps[0]?.loss).toBeCloseTo(Math.LN2, 3)
  expect(served()).toEqual(['policy', expect.stringMatching(/^round-1-[0-9a-f]{8}$/)])
}, 120_000)

it('cluster: a Tinker server plays and trains', async () => {
  const server = new TinkerServer('sequenceMean', VOCAB)
  const baseUrl = await server.start()
  closing.push(() => server.stop())
  const { model, training, pairing, rounds } = readRecipe('cluster', {
    model: { baseUrl, name: 'bigram', path: TOKENIZER },
    training: { batchSize: 2 },
    rounds: 1,
  })
  await runTable({
    baseUrl,
    runDir: join(folder, 'cluster'),
    changes: { model, training, pairing, rounds, evaluation: { suites: [] } },
  })
  expect(stepsOf('cluster').length).toBeGreaterThanOrEqual(2)
  expect(stepsOf('cluster')[0]?.loss).toBeCloseTo(Math.LN2, 5)
  expect(existsSync(join(folder, 'cluster', 'round-1', 'checkpoint', 'tinker.json'))).toBe(true)
}, 60_000)
