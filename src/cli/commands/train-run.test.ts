/** `pop train RUN`: the training stage of a round in its own folder, once. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readPreferencePairs } from '../../pairing/index.ts'
import { configSchema } from '../../records/index.ts'
import { RunFolder } from '../../store/index.ts'
import { dispatch } from '../dispatch.ts'
import { fakeContext } from '../testing/fake-context.ts'
import { verbs } from '../verbs.ts'

const goldens = fileURLToPath(new URL('../../../test/goldens/', import.meta.url))
const config = configSchema.parse({
  corpus: { source: 'documents' },
  model: { backend: 'embedded', path: join(goldens, 'tiny-models', 'llama'), threads: 1 },
  training: {
    lora: false,
    threads: 1,
    learningRate: 1e-3,
    schedule: 'constant',
    batchSize: 7,
    objective: { type: 'dpo', beta: 0.1 },
  },
  rounds: 2,
})

let folder = ''
const at = (...names: string[]): string => join(folder, ...names)

async function pop(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const context = fakeContext({})
  const code = await dispatch(args, verbs, '0.0.0', context)
  return { code, ...context.output }
}

interface Trained {
  steps: { step: number; loss: number; seconds: number }[]
  checkpoint: string
  pairs: number
}

async function train(...args: string[]): Promise<Trained> {
  const { code, stdout, stderr } = await pop('train', ...args, '--json')
  expect([code, stderr]).toEqual([0, expect.any(String)])
  return JSON.parse(stdout) as Trained
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pop-train-run-'))
  const { pairs } = readPreferencePairs(readFileSync(join(goldens, 'trl-dpo', 'pairs.jsonl'), 'utf8').split('\n'))
  const whole = pairs.map((pair) => ({ role: 'solver', chosen_score: 1, rejected_score: 0, ref_answer: '', ...pair }))
  const run = await RunFolder.open(at('run'), { create: true })
  await run.writeConfig(config)
  for (const round of [1, 2]) await run.writeJsonl(run.round(round).pairs, whole)
  await run.close()
  // JSON is YAML.
  const byTrl = { model: config.model, training: { backend: 'trl', device: 'webgpu' } }
  writeFileSync(at('webgpu.yaml'), JSON.stringify(byTrl))
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('pop train RUN', () => {
  it('trains a round into its checkpoint, once, and the next from there', async () => {
    const first = await train(at('run'), '--round', '1')
    expect(first).toMatchObject({ checkpoint: at('run', 'round-1', 'checkpoint'), pairs: 14 })
    expect(first.steps.map(({ step }) => step)).toEqual([1, 2])
    expect(first.steps[0]?.loss).toBeCloseTo(Math.LN2, 6)
    expect(existsSync(join(first.checkpoint, 'model.safetensors'))).toBe(true)
    // The times of the steps are those of the first training: it was not done again.
    expect(await train(at('run'), '--round', '1')).toEqual(first)
    const second = await train(at('run'))
    expect(second.checkpoint).toBe(at('run', 'round-2', 'checkpoint'))
    const bytes = (trained: Trained): Buffer => readFileSync(join(trained.checkpoint, 'model.safetensors'))
    expect(bytes(second).equals(bytes(first))).toBe(false)
  }, 120_000)

  it.each([
    [['RUN', '--out', 'x'], '--out is for files of pairs'],
    [['RUN', '--round', '9'], 'no preference pairs of round 9'],
    [['EMPTY'], 'There is no run in'],
    [['RUN', '--config', 'WEBGPU'], 'training.device: trl trains on what it finds'],
  ])('answers %j with one line and exit code 2', async (args, message) => {
    const words: Record<string, string> = {
      RUN: at('run'),
      EMPTY: folder,
      WEBGPU: at('webgpu.yaml'),
    }
    const { code, stderr } = await pop('train', ...args.map((word) => words[word] ?? word))
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
  })
})
