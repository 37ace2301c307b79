/** Models of the hub, from a server on this machine that speaks its routes. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '../core/clock.ts'
import { parseModelAddress } from './address.ts'
import { fetchModel, lookUpModel, type ModelSourceDeps } from './model.ts'
import { startHub, type HubServer, type HubServerOptions } from './testing/hub-server.ts'

const clock: Clock = {
  now: () => 0,
  monotonic: () => 0,
  sleep: (_ms, signal) => (signal === undefined ? Promise.resolve() : new Promise(() => undefined)),
}
const weights = Buffer.alloc(5000, 'weights of a model')
const files = {
  'README.md': '# a model',
  'config.json': '{"architectures":["LlamaForCausalLM"]}',
  'generation_config.json': '{}',
  'tokenizer.json': `{"model":${JSON.stringify('x'.repeat(300))}}`,
  'model.safetensors': weights,
  'modeling_custom.py': 'import os',
  'original/consolidated.pth': 'pickle',
  'pytorch_model.bin': 'pickle',
}

let cache = ''
let hub: HubServer
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'pop-models-'))
})
afterEach(async () => {
  await hub.close()
  await rm(cache, { recursive: true, force: true })
})

async function start(options: Partial<HubServerOptions> = {}): Promise<ModelSourceDeps> {
  hub = await startHub({ files, kind: 'model', ...options })
  return { env: { HF_ENDPOINT: hub.endpoint, POP_CACHE: cache }, clock }
}

async function drafts(): Promise<string[]> {
  return (await readdir(cache, { recursive: true })).filter((path) => path.endsWith('.part'))
}

describe('a model of the hub', () => {
  it('becomes a folder with the files of a model and nothing that is code', async () => {
    const deps = await start()
    const seen: number[] = []
    const dir = await fetchModel('hf://owner/name', { ...deps, onProgress: (done) => seen.push(done) })
    const names = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json']
    expect((await readdir(dir)).sort()).toEqual(names)
    expect(dir).toContain(join('owner--name', hub.commit))
    expect(await readFile(join(dir, 'model.safetensors'))).toEqual(weights)
    expect(seen.at(-1)).toBe((await lookUpModel('hf://owner/name', deps)).bytes)
  })

  it('is not asked for twice, and a fixed commit needs no hub at all', async () => {
    const deps = await start()
    const dir = await fetchModel('hf://owner/name', deps)
    const before = hub.storeRequests.length
    expect(await fetchModel('hf://owner/name', deps)).toBe(dir)
    expect(hub.storeRequests).toHaveLength(before)
    const asked = hub.requests.length
    expect(await fetchModel(`hf://owner/name@${hub.commit}`, deps)).toBe(dir)
    expect(hub.requests).toHaveLength(asked)
  })

  it('is taken from the disk, with a notice, when the hub cannot be asked', async () => {
    const deps = await start()
    const dir = await fetchModel('hf://owner/name', deps)
    for (let n = 0; n < 6; n++) hub.answerNext.push({ status: 503 })
    const notices: string[] = []
    expect(await fetchModel('hf://owner/name', { ...deps, onNotice: (text) => notices.push(text) })).toBe(dir)
    expect(notices.join()).toMatch(/503.*taking the copy of hf:\/\/owner\/name that is here/)
  })

  it('goes on where a cut connection or a killed process left it', async () => {
    const deps = await start()
    hub.breakAfter.push(1000, 500)
    const dir = await fetchModel('hf://owner/name', deps)
    const ranges = hub.storeRequests.filter(({ path }) => path === '/model.safetensors').map(({ range }) => range)
    expect(ranges).toEqual([undefined, 'bytes=1000-', 'bytes=1500-'])
    const blob = join(cache, 'hub', createHash('sha256').update(weights).digest('hex'))
    await rm(dir, { recursive: true })
    await rm(blob)
    await writeFile(`${blob}.part`, weights.subarray(0, 4000))
    expect(await readFile(join(await fetchModel('hf://owner/name', deps), 'model.safetensors'))).toEqual(weights)
    expect(hub.storeRequests.at(-1)?.range).toBe('bytes=4000-')
  })

  it('is fetched by two at a time, each with a part of its own', async () => {
    const deps = await start()
    const [one, other] = await Promise.all([fetchModel('hf://owner/name', deps), fetchModel('hf://owner/name', deps)])
    expect(one).toBe(other)
    expect(await readFile(join(one, 'model.safetensors'))).toEqual(weights)
    expect(await drafts()).toEqual([])
  })

  it('leaves alone what a living process makes, and clears away or goes on with what a dead one left', async () => {
    const deps = await start()
    const blob = join(cache, 'hub', createHash('sha256').update(weights).digest('hex'))
    const host = hostname().replaceAll(/[^\w.]/g, '_')
    const { pid: dead } = spawnSync(process.execPath, ['--version'])
    const ofDead = join(cache, 'models', 'owner--name', `${hub.commit}.${host}-${dead}-0.part`)
    await mkdir(ofDead, { recursive: true })
    await mkdir(join(cache, 'hub'))
    const living = `${blob}.${host}-${process.ppid}-0.part`
    await writeFile(living, weights.subarray(0, 4500))
    await writeFile(`${blob}.${host}-${dead}-7.part`, weights.subarray(0, 4000))
    await writeFile(`${blob}.elsewhere-1-0.part`, weights.subarray(0, 4700))
    expect(await readFile(join(await fetchModel('hf://owner/name', deps), 'model.safetensors'))).toEqual(weights)
    expect(hub.storeRequests.find(({ path }) => path === '/model.safetensors')?.range).toBe('bytes=4000-')
    expect((await drafts()).map((path) => join(cache, path)).toSorted()).toEqual(
      [living, `${blob}.elsewhere-1-0.part`].toSorted(),
    )
    expect(await readFile(living)).toHaveLength(4500)
  })

  it('is no longer fetched once the signal aborts, and goes on from there the next time', async () => {
    const deps = await start()
    hub.breakAfter.push(1000)
    const controller = new AbortController()
    const onProgress = (done: number): void => {
      if (done >= 1000) controller.abort(new Error('enough'))
    }
    const asked = fetchModel('hf://owner/name', { ...deps, onProgress, signal: controller.signal })
    await expect(asked).rejects.toThrow('enough')
    expect(await readdir(join(cache, 'models', 'owner--name'))).toEqual([])
    expect(await readFile(join(await fetchModel('hf://owner/name', deps), 'model.safetensors'))).toEqual(weights)
    const ranges = hub.storeRequests.filter(({ path }) => path === '/model.safetensors').map(({ range }) => range)
    expect(ranges).toEqual([undefined, 'bytes=1000-'])
  })

  it('is not taken from the disk by who aborts', async () => {
    const deps = await start()
    await fetchModel('hf://owner/name', deps)
    await expect(
      fetchModel('hf://owner/name', { ...deps, signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow('enough')
  })

  it('is refused when its bytes are not those that the hub names, and leaves no folder', async () => {
    const deps = await start({ wrongBytes: 'model.safetensors' })
    await expect(fetchModel('hf://owner/name', deps)).rejects.toThrow(/its hash differs/)
    expect(await readdir(join(cache, 'models', 'owner--name'))).toEqual([])
    expect((await readdir(join(cache, 'hub'))).filter((name) => name.endsWith('.part'))).toEqual([])
  })

  it('never takes more of the disk than the hub says that it has', async () => {
    const deps = await start({ longerBytes: 'model.safetensors' })
    await expect(fetchModel('hf://owner/name', deps)).rejects.toThrow(/its hash differs/)
    const sizes = await Promise.all(
      (await readdir(join(cache, 'hub'))).map(async (name) => (await stat(join(cache, 'hub', name))).size),
    )
    expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(weights.length)
  })

  it('needs a configuration and safetensors weights', async () => {
    const deps = await start({ files: { 'config.json': '{}', 'pytorch_model.bin': 'pickle' } })
    await expect(fetchModel('hf://owner/name', deps)).rejects.toThrow(/no config.json with safetensors weights/)
  })
})

describe('an address', () => {
  it('names a repository and perhaps a revision, nothing else', async () => {
    await start()
    expect(parseModelAddress('hf://Qwen/Qwen2.5-0.5B')).toEqual({ repo: 'Qwen/Qwen2.5-0.5B', revision: 'main' })
    expect(parseModelAddress('hf://a/b@v1.0').revision).toBe('v1.0')
    for (const bad of [
      'hf://a',
      'hf://../b',
      'hf://datasets/a/b',
      'hf://a/b/c',
      'hf://a/b@',
      'a/b',
      'hf://datasets/a',
    ]) {
      expect(() => parseModelAddress(bad)).toThrow(/hf:\/\/OWNER\/NAME/)
    }
  })
})
