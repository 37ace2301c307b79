import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { InputError } from '../core/errors.ts'
import { configSchema, type RunManifest } from '../records/index.ts'
import { changedKeys } from './compare.ts'
import { readJsonl } from './jsonl.ts'
import { RunFolder, RunReader } from './run-folder.ts'

let dir = ''
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'pop-run-')), 'run')
})
afterEach(async () => {
  await rm(join(dir, '..'), { recursive: true, force: true })
})

const manifest: RunManifest = {
  version: 1,
  popVersion: '0.1.0',
  name: 'n',
  seed: 45,
  configHash: 'h',
  corpus: null,
  prompts: {},
  stages: [],
  createdAt: 1,
}

const config = configSchema.parse({ corpus: { source: 'docs' }, model: { backend: 'embedded', path: 'm' } })

describe('RunFolder', () => {
  it('is created on request, stores manifest and configuration, and reads them back after reopening', async () => {
    const run = await RunFolder.open(dir, { create: true })
    expect(await run.readManifest()).toBeNull()
    await run.writeManifest(manifest)
    expect(await run.writeConfig(config)).toEqual({ changed: [] })
    await run.close()
    const again = await RunFolder.open(dir)
    expect(await again.readManifest()).toEqual(manifest)
    expect(await again.readConfig()).toEqual(config)
    await again.close()
  })

  it('names the keys in which a changed configuration differs', async () => {
    const run = await RunFolder.open(dir, { create: true })
    await run.writeConfig(config)
    const changed = { ...config, seed: 7, pairing: { ...config.pairing, bestOf: 4 } }
    expect(await run.writeConfig(changed)).toEqual({ changed: ['pairing.bestOf', 'seed'] })
    expect(await run.readConfig()).toEqual(changed)
    await run.close()
  })

  it('says that it may not write, and can be read all the same, where there is no permission', async () => {
    if (process.platform === 'win32') return
    const run = await RunFolder.open(dir, { create: true })
    await run.writeManifest(manifest)
    await run.close()
    const parent = join(dir, '..')
    const asNobody = process.geteuid?.() === 0
    await chmod(parent, 0o555)
    for (const path of [dir, run.journalDir, join(dir, '.lock')]) await chmod(path, 0o555)
    // The superuser may write everywhere.
    if (asNobody) process.seteuid?.(65534)
    try {
      const refused = /Cannot write .*: no permission to write there; choose another place with --run DIR/
      await expect(RunFolder.open(dir)).rejects.toThrow(refused)
      await expect(RunFolder.open(join(parent, 'new'), { create: true })).rejects.toThrow(refused)
      expect(await (await RunReader.open(dir)).readManifest()).toEqual(manifest)
    } finally {
      if (asNobody) process.seteuid?.(0)
      for (const path of [parent, dir, run.journalDir, join(dir, '.lock')]) await chmod(path, 0o755)
    }
    const again = await RunFolder.open(dir)
    await again.close()
  })

  it('is readable while another holds it', async () => {
    const run = await RunFolder.open(dir, { create: true })
    await run.journal.append({ v: 1, kind: 'decision', key: 'r1/x', inputs: 'i', at: 1, value: [1] })
    await run.writeJsonl(run.round(2).pairs, [{ a: 1 }])
    const reader = await RunReader.open(dir)
    const journal = await reader.readJournal()
    expect(journal.latest('r1/x')).toMatchObject({ value: [1] })
    expect(await reader.rounds()).toEqual([2])
    await journal.close()
    await run.close()
  })

  it('refuses a missing folder, a folder of other things and a file, and writes nothing there', async () => {
    await expect(RunFolder.open(dir)).rejects.toThrow(/no run in .*pop run CONFIG --run/)
    await expect(RunReader.open(dir)).rejects.toThrow(InputError)
    await mkdir(dir)
    await writeFile(join(dir, 'thesis.txt'), 'mine')
    await expect(RunFolder.open(dir, { create: true })).rejects.toThrow(/other files and no run/)
    await expect(RunFolder.open(join(dir, 'thesis.txt'), { create: true })).rejects.toThrow(/is a file/)
    expect(await readdir(dir)).toEqual(['thesis.txt'])
  })

  it('names a damaged manifest', async () => {
    const run = await RunFolder.open(dir, { create: true })
    await writeFile(run.manifestPath, '{"version": 1')
    await expect(run.readManifest()).rejects.toThrow(/manifest\.json is damaged/)
    await writeFile(run.manifestPath, '{"version": 2}')
    await expect(run.readManifest()).rejects.toThrow(/manifest\.json is not from this version.*"version"/)
    await run.close()
  })

  it('leaves the old file in place, and nothing beside it, when new lines cannot be finished', async () => {
    const run = await RunFolder.open(dir, { create: true })
    const path = run.round(1).examples
    await run.writeJsonl(path, [1, 2])
    const failing = function* (): Generator<number> {
      yield 3
      throw new Error('broken off')
    }
    await expect(run.writeJsonl(path, failing())).rejects.toThrow('broken off')
    expect(await readFile(path, 'utf8')).toBe('1\n2\n')
    expect(await readdir(run.round(1).dir)).toEqual(['examples.jsonl'])
    await run.close()
  })

  it('writes nothing outside itself', async () => {
    const run = await RunFolder.open(dir, { create: true })
    await expect(run.writeJson('../other.json', 1)).rejects.toThrow('not inside')
    await expect(run.writeJson(`${dir}-other/x.json`, 1)).rejects.toThrow('not inside')
    await run.close()
  })
})

describe('readJsonl', () => {
  it('names the line that is wrong', async () => {
    await mkdir(dir)
    const path = join(dir, 'x.jsonl')
    const read = async (text: string): Promise<number[]> => {
      await writeFile(path, text)
      const values: number[] = []
      for await (const { n } of readJsonl(path, z.strictObject({ n: z.number() }))) values.push(n)
      return values
    }
    expect(await read('{"n":1}\n\n{"n":2}')).toEqual([1, 2])
    await expect(read('{"n":1}\n{"n"')).rejects.toThrow(/x\.jsonl line 2 is not JSON/)
    await expect(read('{"n":"1"}\n')).rejects.toThrow(/x\.jsonl line 1: "n"/)
    await rm(path)
    await expect(readJsonl(path, z.number()).next()).rejects.toThrow(InputError)
  })
})

describe('changedKeys', () => {
  it('lists added, removed and changed leaves by dotted name, and treats lists as leaves', () => {
    expect(changedKeys({ a: 1, b: { c: [1, 2], d: 3 } }, { a: 1, b: { c: [1], e: 4 } })).toEqual(['b.c', 'b.d', 'b.e'])
    expect(changedKeys({ a: { b: 1 } }, { a: false })).toEqual(['a'])
    expect(changedKeys({ a: 1, b: 2 }, { b: 2, a: 1 })).toEqual([])
  })
})
