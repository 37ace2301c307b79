/** The TRL backend: what it reads and says, with small programs in TRL's place; the real one when POP_PYTHON names a Python that has it. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { NumericalError } from '../../core/errors.ts'
import { modelFingerprint } from '../../engine/index.ts'
import { readPreferencePairs } from '../../pairing/index.ts'
import { trainingConfigSchema, type TrainingStep } from '../../records/index.ts'
import { trainByTrl } from './trl.ts'
import { readLogLine } from './trl-log.ts'

const python = process.env['POP_PYTHON']
const folder = mkdtempSync(join(tmpdir(), 'pop-trl-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const golden = (name: string): string =>
  fileURLToPath(new URL(`../../../test/goldens/trl-dpo/${name}`, import.meta.url))
const { pairs } = readPreferencePairs(readFileSync(golden('pairs.jsonl'), 'utf8').split('\n').slice(0, 4))

function train(program: string, changes: object = {}, signal?: AbortSignal): Promise<TrainingStep[]> {
  return trainByTrl({
    workDir: join(folder, 'work'),
    checkpoint: join(folder, 'checkpoint'),
    model: golden('qwen3').replace(/\/$/, ''),
    pairs,
    config: trainingConfigSchema.parse({
      backend: 'trl',
      python: program,
      lora: false,
      batchSize: 2,
      learningRate: 1e-3,
      objective: { type: 'dpo', beta: 0.1 },
      ...changes,
    }),
    seed: 1,
    env: {},
    clock: systemClock,
    signal,
  })
}

/** A program in Python's place. */
function program(name: string, body: string): string {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${body}\n`)
  chmodSync(path, 0o755)
  return path
}

const says = (trl: string): string =>
  `if [ "$1" = -c ]; then echo '{"trl": "${trl}", "accelerate": "1", "cuda": false, "peft": false}'; exit 0; fi`

describe('the TRL backend', () => {
  it.each([
    ['a Python that is not there', join(folder, 'none'), {}, 'ENOENT'],
    [
      'a Python without TRL',
      program('bare', `echo "ModuleNotFoundError: No module named 'trl'" >&2; exit 1`),
      {},
      "No module named 'trl'",
    ],
    ['a TRL that is too old', program('old', says('0.20.0')), {}, 'trl 0.20.0'],
    ['no PEFT for adapters', program('nopeft', says('1.13.0')), { lora: { rank: 4, alpha: 8 } }, 'has no peft'],
    [
      'an objective that it does not have',
      program('new', says('1.13.0')),
      { objective: { type: 'simpo' } },
      'no script for simpo',
    ],
  ])('says what is missing with %s, and what to do', async (_what, path, changes, message) => {
    const error = await train(path, changes).catch((thrown: unknown) => String(thrown))
    expect(error).toContain(message)
    expect(error).toMatch(/install it there|change training.objective/)
  })

  it.skipIf(process.platform === 'win32')(
    'reports the end of what a failed training said, and leaves no checkpoint',
    async () => {
      const path = program('fails', `${says('1.13.0')}\necho 'RuntimeError: out of memory' >&2\nexit 1`)
      await expect(train(path)).rejects.toThrow(
        'trl dpo failed: RuntimeError: out of memory; what was sampled is saved',
      )
      expect(existsSync(join(folder, 'checkpoint'))).toBe(false)
    },
  )

  it.skipIf(process.platform === 'win32').each([
    ["{'loss': 'nan', 'grad_norm': '0.5', 'learning_rate': '1e-06'}", 'step 2 of TRL: loss NaN, gradient norm 0.5'],
    ["{'loss': 0.2, 'grad_norm': nan, 'learning_rate': 1e-06}", 'step 2 of TRL: loss 0.2, gradient norm NaN'],
    ["{'loss': '0.2', 'grad_norm': 'inf', 'learning_rate': '1e-06'}", 'gradient norm Infinity'],
  ])('ends a training that diverged, and takes no weights home: %s', async (line, message) => {
    const good = "{'loss': '0.7', 'grad_norm': '0.5', 'learning_rate': '1e-06'}"
    const path = program('diverges', `${says('1.13.0')}\necho "${good}"\necho "${line}"\nexec sleep 60`)
    const error: unknown = await train(path).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(NumericalError)
    expect(String(error)).toContain(message)
    expect(existsSync(join(folder, 'checkpoint'))).toBe(false)
  })

  it.skipIf(process.platform === 'win32')('refuses a training of which it read no step', async () => {
    await expect(train(program('silent', `${says('1.13.0')}\nexit 0`))).rejects.toThrow('ended without a step')
    expect(existsSync(join(folder, 'checkpoint'))).toBe(false)
  })

  it.skipIf(process.platform === 'win32')('ends the program when it is interrupted', async () => {
    const controller = new AbortController()
    const run = train(program('slow', `${says('1.13.0')}\nexec sleep 60`), {}, controller.signal)
    setTimeout(() => controller.abort(new Error('enough')), 300)
    await expect(run).rejects.toThrow('enough')
  })

  it('reads the figures of a step, as numbers or as text, and nothing else', () => {
    const line =
      "{'loss': '0.6931', 'grad_norm': '12.5', 'learning_rate': '1e-06', 'rewards/margins': 0.25, 'logps/chosen': -31.5, 'epoch': '0.5'}"
    expect(readLogLine(line)).toMatchObject({
      loss: 0.6931,
      gradNorm: 12.5,
      learningRate: 1e-6,
      margin: 0.25,
      chosenLogprob: -31.5,
      epoch: 0.5,
    })
    for (const other of ['', 'Loading weights', "{'train_runtime': 3.2, 'train_loss': 0.69}", '{"loss": 1}']) {
      expect(readLogLine(other)).toBeNull()
    }
  })

  it.runIf(python !== undefined)(
    'trains with the real TRL, and takes its weights home',
    { timeout: 600_000 },
    async () => {
      for (const lora of [false, { rank: 4, alpha: 8 }]) {
        const steps = await train(python ?? '', { lora, epochs: 2 })
        expect(steps).toHaveLength(4)
        expect(steps[0]?.loss).toBeCloseTo(Math.LN2, 3)
        expect(steps.at(-1)?.loss).toBeLessThan(Math.LN2)
        expect(steps[0]?.gradNorm).toBeGreaterThan(0)
        expect(modelFingerprint(join(folder, 'checkpoint'))).toBeDefined()
        expect(existsSync(join(folder, 'checkpoint', 'adapter', 'adapter_config.json'))).toBe(lora !== false)
        expect(existsSync(join(folder, 'work'))).toBe(false)
      }
    },
  )
})
