import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Clock } from '../core/clock.ts'
import { ModelError } from '../core/errors.ts'
import { Engine } from '../engine/index.ts'
import type { TrainingStep } from '../records/index.ts'
import { TrainingStateFile } from './state-file.ts'

const tiny = fileURLToPath(new URL('../../test/goldens/trl-dpo/qwen3/', import.meta.url))
const tokens = [3, 4, 5, 6, 7]
const adam = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 0 }

let dir = ''
let path = ''
const open: Engine[] = []
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pop-state-'))
  path = join(dir, 'state.safetensors')
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((engine) => engine.close()))
  rmSync(dir, { recursive: true, force: true })
})

async function engineOf(): Promise<Engine> {
  const engine = await Engine.open(tiny, { threads: 1, inThread: true, lora: { rank: 2, alpha: 4 } })
  open.push(engine)
  return engine
}

/** Time moves by what the test says. */
function handClock(): Clock & { pass: (seconds: number) => void } {
  let now = 0
  return {
    now: () => now,
    monotonic: () => now,
    sleep: () => Promise.resolve(),
    pass: (seconds) => {
      now += seconds * 1000
    },
  }
}

function step(number: number): TrainingStep {
  const zero = { chosenLogprob: 0, rejectedLogprob: 0, margin: 0, accuracy: 0, seconds: 0, tokens: 1 }
  return { step: number, epoch: 1, learningRate: 0.1, loss: 1, gradNorm: 1, tokensPerSecond: 1, ...zero }
}

async function trainOneStep(engine: Engine): Promise<void> {
  await engine.accumulate([tokens], [[1, 1, 1, 1]])
  await engine.step(adam)
}

it('gives back the steps, the weights and the optimizer, and goes on bit for bit', async () => {
  const clock = handClock()
  const engine = await engineOf()
  await trainOneStep(engine)
  await new TrainingStateFile({ engine, path, inputs: 'a', clock }).save([step(1)], true)
  const resumed = await engineOf()
  expect(await new TrainingStateFile({ engine: resumed, path, inputs: 'a', clock }).load()).toEqual([step(1)])
  await Promise.all([trainOneStep(engine), trainOneStep(resumed)])
  expect(await resumed.logprobs([tokens])).toEqual(await engine.logprobs([tokens]))
})

it('leaves a training with other inputs, and one without a file, at its start', async () => {
  const clock = handClock()
  const engine = await engineOf()
  const fresh = await engine.logprobs([tokens])
  await trainOneStep(engine)
  const file = new TrainingStateFile({ engine, path, inputs: 'a', clock })
  expect(await file.load()).toEqual([])
  await file.save([step(1)], true)
  const other = await engineOf()
  expect(await new TrainingStateFile({ engine: other, path, inputs: 'b', clock }).load()).toEqual([])
  expect(await other.logprobs([tokens])).toEqual(fresh)
})

it('saves every few minutes, at once when told to, and goes away at the end', async () => {
  const clock = handClock()
  const file = new TrainingStateFile({ engine: await engineOf(), path, inputs: 'a', clock })
  await file.save([step(1)])
  expect(existsSync(path)).toBe(false)
  clock.pass(301)
  await file.save([step(1)])
  expect(existsSync(path)).toBe(true)
  await file.remove()
  expect(existsSync(path)).toBe(false)
  await file.save([step(1)], true)
  expect(existsSync(path)).toBe(true)
})

it('names a damaged file', async () => {
  const clock = handClock()
  const engine = await engineOf()
  const file = new TrainingStateFile({ engine, path, inputs: 'a', clock })
  await file.save([step(1)], true)
  writeFileSync(path, readFileSync(path).subarray(0, 3000))
  await expect(file.load()).rejects.toThrow(ModelError)
  await expect(file.load()).rejects.toThrow(/state\.safetensors/)
})
