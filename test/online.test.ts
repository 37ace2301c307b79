/** Online self-play on the laboratory: rubric rewards straight into a group objective, cut off and gone on with. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { systemClock } from '../src/core/clock.ts'
import { InterruptedError } from '../src/core/errors.ts'
import { labConfig, labCorpus, labTask, labTaskOf } from '../src/lab/index.ts'
import { runPipeline, type RunSummary } from '../src/pipeline/index.ts'
import {
  configSchema,
  exampleSchema,
  trainingStepSchema,
  type Config,
  type TrainingStep,
} from '../src/records/index.ts'
import type { TaskProfile } from '../src/roles/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'pop-online-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function config(training: object): Config {
  const lab = labConfig({ rounds: 1, documents: 4 })
  const objective = { type: 'rloo' }
  const own = {
    objective,
    learningRate: 1e-4,
    schedule: 'constant',
    epochs: 1,
    batchSize: 2,
    lora: false,
    maxLength: 1024,
  }
  return configSchema.parse({
    ...lab,
    evaluation: { suites: [] },
    synthesis: { ...lab.synthesis, candidates: 4 },
    training: { ...own, ...training },
  })
}

interface Played {
  readonly calls: number
  readonly notes: readonly string[]
  readonly rounds: RunSummary['rounds']
}

async function play(
  name: string,
  settings: Config,
  { stopAfter = Infinity, task = labTask }: { stopAfter?: number; task?: TaskProfile } = {},
): Promise<Played> {
  const controller = new AbortController()
  const notes: string[] = []
  let calls = 0
  const { rounds } = await runPipeline({
    config: settings,
    runDir: join(folder, name),
    task,
    documents: { heldOut: [], training: labCorpus({ seed: settings.seed, documents: 4 }), facts: null },
    deps: { env: {}, clock: systemClock },
    signal: controller.signal,
    onEvent: (event) => {
      if (event.type === 'progress') calls = Math.max(calls, event.done)
      if (event.type === 'note') notes.push(event.text)
      if (event.type === 'step' && event.step.step === stopAfter) controller.abort(new InterruptedError('stopped'))
    },
  })
  return { calls, notes, rounds }
}

function lines(name: string, file: string): unknown[] {
  const text = readFileSync(join(folder, name, 'round-1', file), 'utf8')
  return text
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
}

const stepsOf = (name: string): TrainingStep[] =>
  lines(name, 'metrics.jsonl').map((line) => trainingStepSchema.parse(line))

test('each step is on answers of the weights before it; cut off and run again it takes the same steps', async () => {
  await play('whole', config({}))
  const steps = stepsOf('whole')
  expect(steps.length).toBeGreaterThan(0)
  for (const step of steps) {
    expect(step).toMatchObject({ staleness: 0, clipped: 0 })
    // The log-probs of the sampler are those of the trainer.
    expect(step.offPolicy).toBeLessThan(1e-4)
    expect((step.groups ?? 0) + (step.dropped ?? 0)).toBe(2)
  }
  const examples = lines('whole', 'examples.jsonl').map((line) => exampleSchema.parse(line))
  const policies = new Set(
    examples.flatMap(({ candidates }) => candidates.flatMap(({ sampled }) => sampled?.policy ?? [])),
  )
  expect([...policies].map((name) => name.split('+')[1])).toContain('0')
  expect(policies.size).toBeGreaterThan(1)

  await expect(play('cut', config({}), { stopAfter: 1 })).rejects.toThrow(InterruptedError)
  await play('cut', config({}))
  // Rewards are the same; the last bits of a log-prob depend on which answers shared a batch.
  expect(stepsOf('cut')).toHaveLength(steps.length)
  stepsOf('cut').forEach(({ reward, gradNorm }, i) => {
    expect(reward).toBe(steps[i]?.reward)
    expect(gradNorm / (steps[i]?.gradNorm ?? NaN)).toBeCloseTo(1, 3)
  })
  // Done once, it is not done again.
  expect((await play('cut', config({}))).calls).toBe(0)
}, 240_000)

test('a round whose task has changed is played again; one that trains nothing has no checkpoint of an earlier one', async () => {
  const first = await play('changed', config({ epochs: 0.5 }))
  expect(first.rounds[1]?.checkpoint).not.toBeNull()
  expect((await play('changed', config({ epochs: 0.5 }), { task: labTaskOf('lab-tales') })).calls).toBeGreaterThan(0)

  const { rounds, notes } = await play('changed', config({ epochs: 0.5, maxLength: 8 }))
  expect(rounds[1]).toMatchObject({ checkpoint: null, pairs: 0 })
  expect(notes).toContainEqual(expect.stringMatching(/round 1: groups left out: \d with .* longer than .*; nothing to/))
  expect(existsSync(join(folder, 'changed', 'round-1', 'checkpoint'))).toBe(false)
  // And known as such.
  const again = await play('changed', config({ epochs: 0.5, maxLength: 8 }))
  expect([again.calls, again.rounds[1]?.checkpoint]).toEqual([0, null])
}, 240_000)
