/** `pop export` on a run folder; what it writes goes back into `pop pair` and gives the run's own pairs. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleExamples } from '../../dashboard/testing/sample-run.ts'
import { buildPairs, pairingSeed } from '../../pairing/index.ts'
import { configSchema } from '../../records/index.ts'
import { RunFolder } from '../../store/index.ts'
import { dispatch } from '../dispatch.ts'
import { fakeContext } from '../testing/fake-context.ts'
import { verbs } from '../verbs.ts'

const config = configSchema.parse({
  corpus: { source: 'documents' },
  model: { backend: 'embedded', path: 'model' },
})

let folder = ''
const at = (...names: string[]): string => join(folder, ...names)
const linesOf = (...names: string[]): string[] =>
  readFileSync(at(...names), 'utf8')
    .split('\n')
    .slice(0, -1)

async function pop(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const context = fakeContext({})
  const code = await dispatch(args, verbs, '0.0.0', context)
  return { code, ...context.output }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pop-export-'))
  const run = await RunFolder.open(at('run'), { create: true })
  await run.writeConfig(config)
  for (const round of [1, 2]) {
    const examples = sampleExamples(round)
    await run.writeJsonl(run.round(round).examples, examples)
    const { pairs } = buildPairs(examples, config.pairing, pairingSeed(config.seed, round))
    await run.writeJsonl(run.round(round).pairs, pairs)
  }
  await run.close()
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('pop export --to published', () => {
  it('writes the last round in the published files, which pair as the run did', async () => {
    const { code, stdout } = await pop('export', at('run'), '--to', 'published', '--out', at('out'), '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      to: 'published',
      round: 2,
      files: [at('out', 'samples.jsonl'), at('out', 'pairs.jsonl')],
    })
    expect(linesOf('out', 'samples.jsonl')).toHaveLength(9)
    expect(linesOf('out', 'pairs.jsonl')).toEqual(linesOf('run', 'round-2', 'pairs.jsonl'))
    const again = await pop('pair', at('out', 'samples.jsonl'), '--out', at('again.jsonl'), '--json')
    expect(JSON.parse(again.stdout)).toMatchObject({ badLines: 0 })
    expect(linesOf('again.jsonl').sort()).toEqual(linesOf('out', 'pairs.jsonl').sort())
  })

  it('writes the published keys of a pair and none of our own', async () => {
    cpSync(at('run'), at('sampled'), { recursive: true })
    const file = at('sampled', 'round-2', 'pairs.jsonl')
    const tokens = { chosen: [1, 2], rejected: [3] }
    const pairs = linesOf('run', 'round-2', 'pairs.jsonl').map((line) => JSON.parse(line) as object)
    writeFileSync(file, pairs.map((pair) => `${JSON.stringify({ ...pair, tokens })}\n`).join(''))
    const { code } = await pop('export', at('sampled'), '--to', 'published', '--out', at('plain'))
    expect([code, pairs.length > 0]).toEqual([0, true])
    expect(linesOf('plain', 'pairs.jsonl')).toEqual(linesOf('run', 'round-2', 'pairs.jsonl'))
  })

  it('takes the round that is asked for', async () => {
    const { stdout } = await pop('export', at('run'), '--to', 'published', '--out', at('first'), '--round', '1')
    expect(stdout).toContain('round 1: 9 samples')
    expect(linesOf('first', 'samples.jsonl')).not.toEqual(linesOf('out', 'samples.jsonl'))
  })

  it.each([
    [['RUN', '--out', 'x'], 'Add --to published'],
    [['RUN', '--to', 'papyrus', '--out', 'x'], '--to papyrus: known are published'],
    [['RUN', '--to', 'published'], 'Add --out DIR'],
    [['RUN', '--to', 'published', '--out', 'x', '--round', '7'], 'no examples of round 7'],
    [['nowhere', '--to', 'published', '--out', 'x'], 'There is no run in'],
  ])('answers %j with one line and exit code 2', async (args, message) => {
    const { code, stderr } = await pop('export', ...args.map((word) => (word === 'RUN' ? at('run') : word)))
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
    expect(existsSync('x')).toBe(false)
  })
})

describe('pop export --to another trainer', () => {
  it.each([
    ['trl', ['train.jsonl', 'config.yaml', 'train.sh'], ['prompt', 'chosen', 'rejected']],
    ['axolotl', ['train.jsonl', 'config.yaml'], ['prompt', 'chosen', 'rejected']],
    ['llamafactory', ['train.jsonl', 'config.yaml', 'dataset_info.json'], ['prompt', 'chosen', 'rejected']],
    ['openrlhf', ['train.jsonl', 'train.sh'], ['prompt', 'chosen', 'rejected']],
  ])('%s: data and settings', async (target, files, keys) => {
    const out = at(`for-${target}`)
    const { code, stdout } = await pop('export', at('run'), '--to', target, '--out', out, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ to: target, round: 2, files: files.map((name) => join(out, name)) })
    const rows = linesOf(`for-${target}`, 'train.jsonl').map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(rows).toHaveLength(linesOf('run', 'round-2', 'pairs.jsonl').length)
    expect(Object.keys(rows[0] ?? {})).toEqual(keys)
  })

  it.each([
    ['an adapter on top of the first weights', { model: { adapter: 'adapter' } }, 1, /model\.adapter.*whole weights/],
    ['other weights to measure against', { training: { reference: 'initial' } }, 2, /training\.reference/],
    ['an adapter that a server trained', {}, 2, /adapter of round 1.*whole weights/],
  ])('refuses a round with %s', async (_what, changes: { model?: object; training?: object }, round, message) => {
    const name = `refused-${round}-${Object.keys(changes).join('')}`
    cpSync(at('run'), at(name), { recursive: true })
    const changed = {
      ...config,
      model: { ...config.model, ...changes.model },
      training: { ...config.training, ...changes.training },
    }
    writeFileSync(at(name, 'config.json'), JSON.stringify(changed))
    mkdirSync(at(name, 'round-1', 'checkpoint'), { recursive: true })
    writeFileSync(at(name, 'round-1', 'checkpoint', 'adapter_config.json'), '{}')
    const { code, stderr } = await pop(
      'export',
      at(name),
      '--to',
      'trl',
      '--out',
      at(`${name}-out`),
      '--round',
      String(round),
    )
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
    expect(existsSync(at(`${name}-out`))).toBe(false)
  })

  it('names the weights so that they are found from the export’s folder', async () => {
    cpSync(at('run'), at('trained'), { recursive: true })
    mkdirSync(at('trained', 'round-1', 'checkpoint'), { recursive: true })
    await pop('export', relative('.', at('trained')), '--to', 'trl', '--out', at('from-round-1'))
    expect(linesOf('from-round-1', 'config.yaml')[0]).toBe(
      `model_name_or_path: ${at('trained', 'round-1', 'checkpoint')}`,
    )
  })

  it('writes into a new folder only', async () => {
    const { code, stderr } = await pop('export', at('run'), '--to', 'trl', '--out', at('run'))
    expect([code, stderr]).toEqual([2, expect.stringContaining('is not empty')])
  })

  it('needs a trained round for the hub', async () => {
    const { code, stderr } = await pop('export', at('run'), '--to', 'hf', '--out', at('hub'))
    expect([code, stderr]).toEqual([2, expect.stringContaining('has no checkpoint of round 2')])
    expect(existsSync(at('hub'))).toBe(false)
  })

  it('writes model and data with cards that carry nothing of the machine’s addresses', async () => {
    const run = await RunFolder.open(at('run'))
    mkdirSync(run.round(1).checkpoint, { recursive: true })
    writeFileSync(join(run.round(1).checkpoint, 'config.json'), '{}')
    await run.close()
    const { code } = await pop('export', at('run'), '--to', 'hf', '--round', '1', '--out', at('hub'))
    expect(code).toBe(0)
    expect(readdirSync(at('hub', 'model')).sort()).toEqual(['README.md', 'config.json'])
    const card = readFileSync(at('hub', 'model', 'README.md'), 'utf8')
    expect(card).toMatch(/^---\nlibrary_name: transformers\n/)
    for (const part of ['## Training', '## Evaluation', 'Not evaluated.', '## Limits', 'arXiv 2604.20051']) {
      expect(card).toContain(part)
    }
    expect(linesOf('hub', 'dataset', 'train.jsonl')).toHaveLength(linesOf('run', 'round-1', 'pairs.jsonl').length)
  })
})
