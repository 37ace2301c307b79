import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../core/errors.ts'
import { configSchema } from '../records/index.ts'
import { loadConfig, loadPairingConfig, loadTrainConfig } from './config.ts'
import { parseConfig } from './config-file.ts'

const base = `task: general
corpus: { source: ./docs }
model: { backend: embedded, path: ./model }
`

function fault(text: string): string {
  try {
    parseConfig(configSchema, text, 'pop.yaml')
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as Error).message
  }
  return 'no fault'
}

describe('parseConfig', () => {
  it('fills in the defaults', () => {
    const config = parseConfig(configSchema, base, 'pop.yaml')
    expect(config.synthesis.candidates).toBe(32)
    expect(config.training).toMatchObject({ learningRate: 1e-6, objective: { type: 'dpo', beta: 0.01 } })
  })

  it.each([
    [
      'an unknown key with its line and the nearest one',
      `${base}pairing:\n  minStdd: 0.1\n`,
      'pop.yaml:5: unknown key "minStdd" in pairing (did you mean "minStd"?)',
    ],
    ['an unknown key at the top', `${base}rouds: 3\n`, 'pop.yaml:4: unknown key "rouds" (did you mean "rounds"?)'],
    [
      'an unknown key like no other, with the known ones',
      `${base}budget: { x: 1 }\n`,
      'pop.yaml:4: unknown key "x" in budget; known keys: tokens',
    ],
    [
      'an unknown key inside a union',
      `${base}training:\n  lora:\n    rnk: 3\n`,
      'pop.yaml:6: unknown key "rnk" in training.lora (did you mean "rank"?)',
    ],
    [
      'an unknown key inside a discriminated union',
      `corpus: { source: a }\nmodel:\n  backend: embedded\n  path: x\n  pth: y\n`,
      'pop.yaml:5: unknown key "pth" in model (did you mean "path"?)',
    ],
    [
      'a number out of range',
      `${base}synthesis:\n  candidates: 1\n`,
      'pop.yaml:5: synthesis.candidates: expected number to be >=2',
    ],
    ['a text for a number', `${base}rounds: many\n`, 'pop.yaml:4: rounds: expected number, received string'],
    [
      'a choice that does not exist',
      `${base}pairing: { chosen: best }\n`,
      'pop.yaml:4: pairing.chosen: expected one of "max"|"random"',
    ],
    [
      'a backend that does not exist',
      `corpus: { source: a }\nmodel:\n  backend: magic\n`,
      'pop.yaml:3: model.backend must be one of openai, embedded',
    ],
    [
      'a value of a union',
      `${base}synthesis:\n  concurrency: fast\n`,
      'pop.yaml:5: synthesis.concurrency must be number, or "auto"',
    ],
    [
      'a missing part',
      'task: general\nmodel: { backend: embedded, path: x }\n',
      'pop.yaml:1: corpus is missing: it must be object',
    ],
    [
      'a missing key',
      'corpus: {}\nmodel: { backend: embedded, path: x }\n',
      'pop.yaml:1: corpus.source is missing: it must be string',
    ],
    ['a key given twice', `${base}rounds: 1\nrounds: 2\n`, 'pop.yaml:5: not readable as YAML: Map keys must be unique'],
    ['a bracket that never closes', 'corpus: { source: a\n', 'pop.yaml:2: not readable as YAML: '],
    ['a list where a map belongs', '- a\n- b\n', 'pop.yaml:1: the configuration: expected object, received array'],
    [
      'more than one fault',
      `${base}rounds: 0\nseed: -1\n`,
      'pop.yaml:4: rounds: expected number to be >0 (and 1 more)',
    ],
  ])('names %s', (_what, text, message) => {
    expect(fault(text)).toContain(message)
  })

  it('says everything in one line', () => {
    expect(fault('a: [1\nb: {')).not.toContain('\n')
  })

  it('refuses aliases that explode', () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x, x]',
      ...'bcdefghi'
        .split('')
        .map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdefghi'[i]}`).join(', ')}]`),
    ].join('\n')
    expect(fault(bomb)).toContain('pop.yaml: not readable as YAML')
  })
})

describe('the loaders', () => {
  let folder = ''
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pop-config-'))
  })
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  it('resolve paths against the folder of the file', async () => {
    const path = write(
      'a.yaml',
      `${base}roles: { scorer: { backend: embedded, path: ../judge } }\ntraining: { path: m2 }\n`,
    )
    const config = await loadConfig(path)
    expect(config.corpus.source).toBe(join(folder, 'docs'))
    expect(config.model).toMatchObject({ path: join(folder, 'model') })
    expect(config.roles.scorer).toMatchObject({ path: join(folder, '..', 'judge') })
    expect(config.training.path).toBe(join(folder, 'm2'))
    expect(config.task).toBe('general')
  })

  it('leave a source with a scheme and a model behind a server as they are', async () => {
    const path = write(
      'b.yaml',
      'corpus: { source: hf://datasets/a/b }\nmodel: { backend: openai, baseUrl: http://localhost:1/v1, name: m }\n',
    )
    const config = await loadConfig(path)
    expect(config.corpus.source).toBe('hf://datasets/a/b')
    expect(config.model).toMatchObject({ baseUrl: 'http://localhost:1/v1' })
  })

  it('train without a corpus, pair without a model', async () => {
    const train = await loadTrainConfig(write('t.yaml', 'model: { backend: embedded, path: m }\n'))
    expect(train.corpus).toBeUndefined()
    const { pairing, seed } = await loadPairingConfig(write('p.yaml', 'pairing: { bestOf: 4 }\nseed: 7\n'))
    expect([pairing.bestOf, seed]).toEqual([4, 7])
    expect((await loadPairingConfig(undefined)).pairing.bestOf).toBe(32)
  })

  it('say that a file is missing, or a folder', async () => {
    await expect(loadConfig(join(folder, 'none.yaml'))).rejects.toThrow('none.yaml: no such file')
    await expect(loadConfig(folder)).rejects.toThrow('is a folder')
  })
})
