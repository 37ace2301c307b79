/**
 * The Tinker client against a real SkyRL server (JAX, on the processor) with a tiny random model. SkyRL is no package: POP_SKYRL names a
 * checkout of it, POP_SKYRL_PYTHON a Python with its dependencies. Without them these tests are left out.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { Engine } from '../../src/engine/index.ts'
import { readPreferencePairs } from '../../src/pairing/index.ts'
import { trainingConfigSchema, type TrainingConfig, type TrainingStep } from '../../src/records/index.ts'
import { TinkerTrainableModel } from '../../src/training/backends/tinker.ts'
import { trainPreferences, type TrainableModel } from '../../src/training/index.ts'
import { describeTrainableModel } from '../../src/training/testing/conformance.ts'
import { TrainerFromAdapter } from './trainer-from-adapter.ts'

const checkout = process.env['POP_SKYRL']
const python = process.env['POP_SKYRL_PYTHON'] ?? 'python3'
const modelDir = fileURLToPath(new URL('../goldens/trl-dpo/qwen3/', import.meta.url)).replace(/\/$/, '')
const port = 8700 + (process.pid % 200)
const baseUrl = `http://127.0.0.1:${port}`
const scratch = mkdtempSync(join(tmpdir(), 'pop-skyrl-'))
let server: ChildProcess | undefined

async function startServer(): Promise<void> {
  const backend = {
    max_lora_adapters: 8,
    max_lora_rank: 8,
    train_micro_batch_size: 8,
    sample_max_num_sequences: 8,
  }
  const script = fileURLToPath(new URL('./skyrl_server.py', import.meta.url))
  const words = ['--base-model', modelDir, '--backend', 'jax', '--backend-config', JSON.stringify(backend)]
  const place = [
    '--checkpoints-base',
    join(scratch, 'checkpoints'),
    '--database-url',
    `sqlite:///${join(scratch, 'db')}`,
  ]
  server = spawn(python, [script, checkout ?? '', ...words, ...place, '--host', '127.0.0.1', '--port', String(port)], {
    stdio: 'ignore',
    detached: true,
  })
  for (let second = 0; second < 180; second++) {
    const up = await fetch(`${baseUrl}/api/v1/healthz`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (up) return
    await systemClock.sleep(1000)
  }
  throw new Error('SkyRL did not start within three minutes')
}

/** The engine is a child of the server's. */
function stopServer(): void {
  if (server?.pid !== undefined && server.exitCode === null) process.kill(-server.pid, 'SIGKILL')
  server = undefined
}

async function open(changes: { resume?: string; seed?: number } = {}): Promise<TinkerTrainableModel> {
  const engine = await Engine.open(modelDir, { threads: 1, inThread: true })
  const { tokenizer } = engine
  await engine.close()
  return TinkerTrainableModel.open({ baseUrl, baseModel: modelDir, rank: 8, seed: 1, tokenizer, ...changes })
}

const { pairs } = readPreferencePairs(
  readFileSync(fileURLToPath(new URL('../goldens/trl-dpo/pairs.jsonl', import.meta.url)), 'utf8').split('\n'),
)
const config = (changes: Partial<TrainingConfig> = {}): TrainingConfig =>
  trainingConfigSchema.parse({
    batchSize: 7,
    epochs: 2,
    learningRate: 1e-3,
    schedule: 'linear',
    maxGradNorm: 0,
    objective: { type: 'dpo', beta: 0.1 },
    // The server's alpha is 32, whatever the rank.
    lora: { rank: 8, alpha: 32 },
    threads: 1,
    ...changes,
  })

describe.runIf(checkout !== undefined)('a SkyRL server', { timeout: 300_000 }, () => {
  beforeAll(startServer, 240_000)
  afterAll(() => {
    stopServer()
    rmSync(scratch, { recursive: true, force: true })
  })

  describeTrainableModel('SkyRL (JAX)', async () => {
    const model = await open()
    return { model, close: () => model.close() }
  })

  it('is known for what it does with losses', async () => {
    const model = await open()
    expect(await model.reduction()).toBe('sequenceMean')
    await model.close()
  })

  it('has the log-probs of the embedded engine', async () => {
    const engine = await Engine.open(modelDir, { threads: 1, inThread: true })
    const model = await open()
    const sequences = [
      [1, 5, 3, 7, 7, 2],
      [4, 4, 9],
    ]
    const [ours, theirs] = [await engine.logprobs(sequences), await model.logprobs(sequences)]
    await engine.close()
    await model.close()
    ours.forEach((row, i) => row.forEach((value, t) => expect(theirs[i]?.[t]).toBeCloseTo(value, 4)))
  })

  it('trains a DPO run as the embedded engine does from the same adapter', async () => {
    const settings = config()
    const model = await open()
    const adapter = join(scratch, 'start')
    await model.save(adapter)
    const engine = await Engine.open(modelDir, { threads: 1, inThread: true })
    const { tokenizer } = engine
    await engine.close()
    const run = (trained: TrainableModel): Promise<{ steps: TrainingStep[] }> =>
      trainPreferences({ model: trained, tokenizer, pairs, config: settings, seed: 0 })
    const ours = new TrainerFromAdapter(modelDir, adapter, { rank: 8, alpha: 32, sharedA: true })
    const [theirs, own] = [(await run(model)).steps, (await run(ours)).steps]
    await model.close()
    const series = (steps: readonly TrainingStep[]): number[][] => steps.map(({ loss, gradNorm }) => [loss, gradNorm])
    if (process.env['POP_SHOW_PARITY'] !== undefined) console.warn(JSON.stringify([series(theirs), series(own)]))
    expect(own[0]?.loss).toBeCloseTo(Math.LN2, 6)
    expect(own.at(-1)?.loss).toBeLessThan(Math.LN2 - 0.005)
    theirs.forEach(({ loss, gradNorm }, i) => {
      expect(Math.abs(loss - (own[i]?.loss ?? NaN))).toBeLessThan(1e-3)
      expect(Math.abs(gradNorm / (own[i]?.gradNorm ?? NaN) - 1)).toBeLessThan(1e-3)
    })
  })

  it('samples what it trains on: the sampler’s log-probs are the trainer’s', async () => {
    const model = await open()
    const engine = await Engine.open(modelDir, { threads: 1, inThread: true })
    const policy = await model.publish()
    const messages = [{ role: 'user' as const, content: 'Who keeps bees?' }]
    const samples = await policy.generate({ messages, n: 4, temperature: 1, topP: 1, maxTokens: 12, seed: 5 })
    const prompt = engine.tokenizer.encodeChat(messages, { addGenerationPrompt: true })
    await engine.close()
    const scored = await model.logprobs(samples.map(({ tokens = [] }) => [...prompt, ...tokens]))
    await model.close()
    const gaps = samples.flatMap(({ logprobs = [] }, i) =>
      logprobs.map((value, t) => Math.abs(value - (scored[i]?.[prompt.length - 1 + t] ?? NaN))),
    )
    expect(gaps.length).toBeGreaterThan(4)
    expect(Math.max(...gaps)).toBeLessThan(1e-4)
  })

  it('goes on after our crash and after the server’s, with the optimizer’s state', async () => {
    const adam = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 0 }
    const sequences = [[1, 5, 3, 7, 7, 2]]
    const train = async (model: TinkerTrainableModel): Promise<void> => {
      await model.accumulate(sequences, [Float32Array.of(1, 1, -1, 1, 0.5)])
      await model.step(adam)
    }
    const first = await open()
    await train(first)
    const state = await first.saveState('middle')
    await train(first)
    const expected = await first.logprobs(sequences)
    stopServer()
    await startServer()
    const second = await open({ resume: state, seed: 99 })
    await train(second)
    const resumed = await second.logprobs(sequences)
    expected[0]?.forEach((value, t) => expect(resumed[0]?.[t]).toBeCloseTo(value, 6))
    await second.close()
  })

  it('gives its adapter in the layout of PEFT', async () => {
    const model = await open()
    await model.accumulate([[1, 5, 3, 7]], [Float32Array.of(1, 1, 1)])
    await model.step({ learningRate: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 0 })
    const [logprobs] = await model.logprobs([[1, 5, 3, 7]])
    await model.save(join(scratch, 'adapter'))
    await model.close()
    expect(readdirSync(join(scratch, 'adapter'))).toEqual(
      expect.arrayContaining(['adapter_config.json', 'adapter_model.safetensors']),
    )
    const code = `
import json, sys, torch
from transformers import AutoModelForCausalLM
from peft import PeftModel
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32), sys.argv[2])
ids = torch.tensor([[1, 5, 3, 7]])
print(json.dumps(torch.log_softmax(model(ids).logits[0, :-1], -1).gather(1, ids[0, 1:, None])[:, 0].tolist()))`
    writeFileSync(join(scratch, 'ask.py'), code)
    const out = execFileSync(python, [join(scratch, 'ask.py'), modelDir, join(scratch, 'adapter')], {
      encoding: 'utf8',
    })
    const theirs = JSON.parse(out.trim().split('\n').at(-1) ?? '[]') as number[]
    theirs.forEach((value, t) => expect(logprobs?.[t]).toBeCloseTo(value, 4))
  })

  it('says what is wrong with a model that it does not have', async () => {
    await expect(
      TinkerTrainableModel.open({
        baseUrl,
        baseModel: 'other',
        rank: 8,
        seed: 1,
        tokenizer: { stopTokenIds: [], encodeChat: () => [], decode: () => '' },
      }),
    ).rejects.toThrow(`does not have other; it has: ${modelDir}`)
  })
})
