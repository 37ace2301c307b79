import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startHub } from '../hub/testing/hub-server.ts'
import { configSchema, type Config, type RunEvent } from '../records/index.ts'
import { RunFolder } from '../store/index.ts'
import { keepDocuments, readDocuments, type RunDocuments } from './run-documents.ts'

let dir = ''
let runDir = ''
let events: RunEvent[] = []
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pop-documents-'))
  runDir = join(dir, 'run')
  events = []
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const lines = (count: number): string =>
  Array.from({ length: count }, (_, row) => `${JSON.stringify({ text: `the text of row ${row}` })}\n`).join('')

function config(source: string, minWords = 2): Config {
  return configSchema.parse({
    corpus: { source, documents: 5, minWords },
    model: { backend: 'openai', baseUrl: 'http://127.0.0.1:9/v1', name: 'm' },
    evaluation: { documents: 3 },
  })
}

/** As a run does it: read, then keep. */
async function read(wanted: Config, env: Record<string, string> = {}): Promise<RunDocuments> {
  const documents = await readDocuments({
    config: wanted,
    runDir,
    deps: { env },
    onEvent: (event) => events.push(event),
  })
  const folder = await RunFolder.open(runDir, { create: true })
  await keepDocuments(folder, documents)
  await folder.writeManifest({
    version: 1,
    popVersion: '0',
    name: 'run',
    seed: wanted.seed,
    configHash: '',
    corpus: documents.facts,
    prompts: {},
    stages: [],
    createdAt: 0,
  })
  await folder.close()
  return documents
}

const drawnBefore = (): boolean =>
  events.some((event) => event.type === 'stage' && event.summary?.includes('as drawn before') === true)

it('keeps the sample in the run folder and uses it until the files or the wishes change', async () => {
  const source = join(dir, 'rows.jsonl')
  await writeFile(source, lines(50))
  await utimes(source, 1000, 1000)
  const first = await read(config(source))
  expect([first.training.length, first.heldOut.length, drawnBefore()]).toEqual([5, 3, false])
  expect(await read(config(source))).toEqual(first)
  expect(drawnBefore()).toBe(true)
  events = []
  await read(config(source, 3))
  expect(drawnBefore()).toBe(false)
  await writeFile(source, lines(60))
  expect((await read(config(source, 3))).facts?.fingerprint).not.toBe(first.facts?.fingerprint)
  expect(drawnBefore()).toBe(false)
  await rm(join(runDir, 'documents.jsonl'))
  expect((await read(config(source, 3))).training).toHaveLength(5)
  expect(drawnBefore()).toBe(false)
})

it('reads a dataset of the hub at the commit of the first time, and a kept sample without the hub', async () => {
  const hub = await startHub({ files: { 'rows.jsonl': lines(50) } })
  const env = { HF_ENDPOINT: hub.endpoint, POP_CACHE: join(dir, 'cache') }
  const source = 'hf://datasets/owner/name'
  const first = await read(config(source), env)
  expect(first.facts?.revision).toBe(hub.commit)
  hub.requests.length = 0
  await read(config(source, 3), env)
  expect(hub.requests.some((line) => line.includes('/tree/'))).toBe(true)
  expect(hub.requests.some((line) => line.includes('/revision/'))).toBe(false)
  await hub.close()
  expect((await read(config(source, 3), env)).training).toHaveLength(5)
  expect(drawnBefore()).toBe(true)
})
