/** Datasets of the hub, from a server on this machine that speaks its routes. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '../core/clock.ts'
import { sha256 } from '../core/hash.ts'
import { sampleDocuments, type CorpusSample } from './corpus.ts'
import { parseHubAddress } from '../hub/index.ts'
import { startHub, type HubServer, type HubServerOptions } from '../hub/testing/hub-server.ts'
import type { CorpusConfig } from './screen.ts'
import { readTableAt } from './table.ts'

const goldens = fileURLToPath(new URL('../../test/goldens/corpus/', import.meta.url))
const lines = (from: number, count: number): string =>
  Array.from(
    { length: count },
    (_, row) => `${JSON.stringify({ text: `row number ${from + row} of the hub` })}\n`,
  ).join('')

let cache = ''
let hub: HubServer | undefined
const sleeps: number[] = []
/** Real time for the watch on silence, none for waits between tries. */
const clock: Clock = {
  now: () => 0,
  monotonic: () => 0,
  sleep: (ms, signal) => {
    if (signal !== undefined) return new Promise(() => undefined)
    sleeps.push(ms)
    return Promise.resolve()
  },
}

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'pop-hub-'))
  sleeps.length = 0
})
afterEach(async () => {
  await hub?.close()
  hub = undefined
  await rm(cache, { recursive: true, force: true })
})

async function start(options: HubServerOptions): Promise<HubServer> {
  hub = await startHub(options)
  return hub
}

async function sample(
  overrides: Partial<CorpusConfig> = {},
  env: Record<string, string> = {},
  documents = 1000,
): Promise<CorpusSample> {
  const config = {
    source: 'hf://datasets/owner/name',
    field: 'text',
    documents: 10,
    minWords: 2,
    maxWords: 99,
    dedupe: 'exact' as const,
    similarity: 0.8,
    ...overrides,
  }
  const deps = { env: { HF_ENDPOINT: hub?.endpoint, POP_CACHE: cache, ...env }, clock }
  return sampleDocuments(config, { documents, heldOut: 0, seed: 1 }, deps)
}

const refusal = (...wanted: Parameters<typeof sample>): Promise<string> =>
  sample(...wanted).then(
    () => 'no refusal',
    (error: unknown) => (error as Error).message,
  )

describe('a dataset of the hub', () => {
  it('is pinned to a commit, read over all pages of its listing, and kept with its hashes checked', async () => {
    const { commit, storeRequests } = await start({
      files: {
        'README.md': '# no data',
        'train/a.jsonl': lines(0, 30),
        'train/b.jsonl': lines(30, 2),
        'test/c.jsonl': lines(99, 30),
      },
      pageSize: 2,
    })
    const { training, revision } = await sample()
    expect(training).toHaveLength(32)
    expect(revision).toBe(commit)
    expect(training[0]?.source).toContain(`hf://datasets/owner/name@${commit.slice(0, 12)}/train/`)
    const before = storeRequests.length
    expect((await sample()).training).toEqual(training)
    // The large file is in the cache; the small one comes from git and is there too.
    expect(storeRequests.length).toBe(before)
    expect(await readdir(join(cache, 'hub'))).toHaveLength(2)
  })

  it('fetches a kept file again when its bytes changed', async () => {
    const { storeRequests } = await start({ files: { 'a.jsonl': lines(0, 30) } })
    const { training } = await sample()
    const [name = ''] = await readdir(join(cache, 'hub'))
    const path = join(cache, 'hub', name)
    const bytes = await readFile(path)
    bytes[12] = 0x78
    await writeFile(path, bytes)
    expect((await sample()).training).toEqual(training)
    expect(storeRequests).toHaveLength(2)
  })

  it('takes a download up where it broke off, in this process and in the next', async () => {
    const { storeRequests, breakAfter } = await start({ files: { 'a.jsonl': lines(0, 200) } })
    breakAfter.push(1000, 500)
    expect((await sample()).training).toHaveLength(200)
    expect(storeRequests.map(({ range }) => range)).toEqual([undefined, 'bytes=1000-', 'bytes=1500-'])
    const [name = ''] = await readdir(join(cache, 'hub'))
    const path = join(cache, 'hub', name)
    await writeFile(`${path}.part`, (await readFile(path)).subarray(0, 700))
    await rm(path)
    expect((await sample()).training).toHaveLength(200)
    expect(storeRequests.at(-1)?.range).toBe('bytes=700-')
    expect((await stat(path)).size).toBe(lines(0, 200).length)
  })

  it('reads Parquet where it lies: the footer and the rows that were drawn', async () => {
    const bytes = await readFile(join(goldens, 'pages.parquet'))
    const { storeRequests } = await start({ files: { 'data/train-0.parquet': bytes } })
    const { training, rows, rowsInAll } = await sample({}, {}, 5)
    expect(training).toHaveLength(5)
    expect([rows < 8, rowsInAll]).toEqual([true, 300])
    expect(storeRequests.every(({ range }) => range !== undefined)).toBe(true)
    const local = await sample({ source: join(goldens, 'pages.parquet') }, {}, 5)
    expect(local.training.map(({ id }) => id)).toEqual(training.map(({ id }) => id))
  })
})

describe('the token', () => {
  it('opens a private dataset, and is not sent on to the host that holds the bytes', async () => {
    const { storeRequests } = await start({ files: { 'a.jsonl': lines(0, 30) }, token: 'hf_secret' })
    expect(await refusal()).toMatch(/no hf:\/\/datasets\/owner\/name, or it is private.*HF_TOKEN/)
    expect((await sample({}, { HF_TOKEN: 'hf_secret' })).training).toHaveLength(30)
    expect(storeRequests.length).toBeGreaterThan(0)
    expect(storeRequests.every(({ authorization }) => authorization === undefined)).toBe(true)
    expect(await refusal({}, { HF_TOKEN: 'hf_wrong' })).not.toContain('hf_wrong')
  })

  it('of an account that did not accept the conditions is told to do so', async () => {
    await start({ files: { 'a.jsonl': lines(0, 30) }, token: 'hf_secret', gated: true })
    expect(await refusal({}, { HF_TOKEN: 'hf_other' })).toContain('gated: accept its conditions')
    expect(await refusal()).toContain('set HF_TOKEN')
  })
})

describe('which files', () => {
  const card = (configs: string): string => `---\nlicense: mit\nconfigs:\n${configs}---\n# A card\n`

  it('are those of the named split, as the card says', async () => {
    await start({
      files: {
        'README.md': card(
          '- config_name: default\n  data_files:\n  - split: train\n    path: "part/*.jsonl"\n  - split: test\n    path: [held/t.jsonl]\n',
        ),
        'part/x.jsonl': lines(0, 3),
        'held/t.jsonl': lines(10, 4),
        'stray/train.jsonl': lines(20, 5),
      },
    })
    expect((await sample()).training).toHaveLength(3)
    expect((await sample({ split: 'test' })).training).toHaveLength(4)
    expect(await refusal({ split: 'dev' })).toBe(
      'corpus.split: hf://datasets/owner/name has no split "dev"; it has train, test',
    )
    expect((await sample({ source: 'hf://datasets/owner/name/stray' })).training).toHaveLength(5)
    expect((await sample({ source: 'hf://datasets/owner/name/**/t*.jsonl' })).training).toHaveLength(9)
  })

  it('need a configuration where the card has several', async () => {
    await start({
      files: {
        'README.md': card('- config_name: en\n  data_files: en/*.jsonl\n- config_name: de\n  data_files: de/*.jsonl\n'),
        'en/x.jsonl': lines(0, 3),
        'de/x.jsonl': lines(10, 4),
      },
    })
    expect(await refusal()).toContain('name one of en, de')
    expect((await sample({ subset: 'de' })).training).toHaveLength(4)
    expect(await refusal({ subset: 'fr' })).toContain('no configuration "fr"; it has en, de')
  })

  it('are of one format; a dataset without a readable one is pointed to the Parquet copy', async () => {
    await start({ files: { 'a.jsonl': lines(0, 3), 'notes.txt': 'some words here', 'b.bin': 'x' } })
    expect((await sample()).training).toHaveLength(3)
    expect(await refusal({ source: 'hf://datasets/owner/name/b.bin' })).toContain('@refs/convert/parquet')
    expect((await sample({ source: 'hf://datasets/owner/name@refs/convert/parquet' })).training).toHaveLength(3)
    expect(await refusal({ source: 'hf://datasets/owner/name@nowhere' })).toContain('no such revision')
  })
})

describe('the network', () => {
  it('is waited for when it asks to, and tried again after faults, then given up in one sentence', async () => {
    const { answerNext } = await start({ files: { 'a.jsonl': lines(0, 3) } })
    answerNext.push({ status: 429, headers: { 'retry-after': '7' } }, { status: 503 })
    expect((await sample()).training).toHaveLength(3)
    expect(sleeps[0]).toBe(7000)
    expect(sleeps).toHaveLength(2)
    for (let n = 0; n < 6; n++) answerNext.push({ status: 500 })
    expect(await refusal()).toMatch(/the server answered 500 \(tried 6 times\); run the same command again/)
  })

  it('gives files at plain addresses too', async () => {
    await start({ files: { 'a.jsonl': lines(0, 3) } })
    const source = `${hub?.endpoint}/datasets/owner/name/resolve/${hub?.commit}/a.jsonl`
    expect((await sample({ source })).training).toHaveLength(3)
  })
})

describe('a table', () => {
  it('of the hub is one file at a commit, of any kind, with the checksum of its bytes', async () => {
    const bytes = await readFile(join(goldens, 'snappy.parquet'))
    const { commit } = await start({ files: { 'a/x.csv': 'id,text\n1,one\n', 'b/y.parquet': bytes } })
    const deps = { env: { HF_ENDPOINT: hub?.endpoint, POP_CACHE: cache }, clock }
    const csv = await readTableAt('hf://datasets/owner/name/a/x.csv', deps)
    expect(csv).toMatchObject({
      revision: commit,
      rows: [{ id: '1', text: 'one' }],
      sha256: sha256('id,text\n1,one\n'),
    })
    const parquet = await readTableAt(`hf://datasets/owner/name@${commit}/b/y.parquet`, deps)
    expect(parquet.rows).toEqual((await readTableAt(join(goldens, 'snappy.parquet'), deps)).rows)
    expect(parquet).toMatchObject({ revision: commit, sha256: sha256(bytes) })
    expect(parquet.rows.length).toBeGreaterThan(0)
    await expect(readTableAt('hf://datasets/owner/name/a', deps)).rejects.toThrow(/name one file/)
  })
})

describe('an address', () => {
  it('is taken apart as the hub writes it', () => {
    const revision = 'main'
    expect(parseHubAddress('hf://datasets/m42-health/HC4')).toEqual({ repo: 'm42-health/HC4', revision, path: '' })
    expect(parseHubAddress('hf://datasets/a/b@v1.0/data/*.parquet')).toEqual({
      repo: 'a/b',
      revision: 'v1.0',
      path: 'data/*.parquet',
    })
    expect(parseHubAddress('hf://datasets/a/b@refs/convert/parquet/default/train/0.parquet')).toEqual({
      repo: 'a/b',
      revision: 'refs/convert/parquet',
      path: 'default/train/0.parquet',
    })
    expect(parseHubAddress('hf://datasets/a/b@refs%2Fpr%2F3').revision).toBe('refs/pr/3')
    for (const bad of ['hf://a/b', 'hf://datasets/a', 'hf://datasets/../x/y', 'hf://datasets/a/b@/x']) {
      expect(() => parseHubAddress(bad)).toThrow(/hf:\/\/datasets\/OWNER\/NAME/)
    }
  })
})
