/**
 * The Tinker client against a real SkyRL server (JAX, on the processor) with a tiny random model. Left out where POP_SKYRL names no
 * checkout: `npm run test:interop`.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Engine } from '../../src/engine/index.ts'
import type { TinkerTrainableModel } from '../../src/training/backends/tinker.ts'
import { describeTrainableModel } from '../../src/training/testing/conformance.ts'
import { expectParity, show } from './skyrl-parity.ts'
import { checkout, modelDir, python, SkyrlServer } from './skyrl-server.ts'

describe.runIf(checkout !== undefined)('a SkyRL server', { timeout: 900_000 }, () => {
  let server: SkyrlServer
  beforeAll(async () => {
    server = await SkyrlServer.open()
  }, 600_000)
  afterAll(() => server.close())

  describeTrainableModel('SkyRL (JAX)', async () => {
    const model = await server.adapter()
    return { model, close: () => model.close() }
  })

  it('is known for what it does with losses', async () => {
    const model = await server.adapter()
    expect(await model.reduction()).toBe('sequenceMean')
    await model.close()
  })

  it('has the log-probs of the embedded engine', async () => {
    const engine = await Engine.open(modelDir, { threads: 1, inThread: true })
    const model = await server.adapter()
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
    await expectParity(server, 'one process')
  })

  it('samples what it trains on: the sampler’s log-probs are the trainer’s', async () => {
    const model = await server.adapter()
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
    show('log-probs of sampler and trainer', gaps)
    expect(gaps.length).toBeGreaterThan(4)
    expect(Math.max(...gaps)).toBeLessThan(1e-4)
  })

  it('goes on after it was killed, with the optimizer’s state', async () => {
    const adam = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 0 }
    const sequences = [[1, 5, 3, 7, 7, 2]]
    const train = async (model: TinkerTrainableModel): Promise<void> => {
      await model.accumulate(sequences, [Float32Array.of(1, 1, -1, 1, 0.5)])
      await model.step(adam)
    }
    const first = await server.adapter()
    await train(first)
    const state = await first.saveState('middle')
    await train(first)
    const expected = await first.logprobs(sequences)
    await server.restart()
    await expect(train(first)).rejects.toThrow('may have restarted: run the same command again')
    await first.close()
    const second = await server.adapter({ resume: state, seed: 99 })
    await train(second)
    const resumed = await second.logprobs(sequences)
    expected[0]?.forEach((value, t) => expect(resumed[0]?.[t]).toBeCloseTo(value, 6))
    await second.close()
  })

  it('gives its adapter in the layout of PEFT', async () => {
    const model = await server.adapter()
    await model.accumulate([[1, 5, 3, 7]], [Float32Array.of(1, 1, 1)])
    await model.step({ learningRate: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 0 })
    const [logprobs] = await model.logprobs([[1, 5, 3, 7]])
    const adapter = join(server.scratch, 'adapter')
    await model.save(adapter)
    await model.close()
    expect(readdirSync(adapter)).toEqual(expect.arrayContaining(['adapter_config.json', 'adapter_model.safetensors']))
    const code = `
import json, sys, torch
from transformers import AutoModelForCausalLM
from peft import PeftModel
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32), sys.argv[2])
ids = torch.tensor([[1, 5, 3, 7]])
print(json.dumps(torch.log_softmax(model(ids).logits[0, :-1], -1).gather(1, ids[0, 1:, None])[:, 0].tolist()))`
    const program = join(server.scratch, 'ask.py')
    writeFileSync(program, code)
    const out = execFileSync(python, [program, modelDir, adapter], { encoding: 'utf8' })
    const theirs = JSON.parse(out.trim().split('\n').at(-1) ?? '[]') as number[]
    expect(theirs).toHaveLength(3)
    theirs.forEach((value, t) => expect(logprobs?.[t]).toBeCloseTo(value, 4))
  })

  it('says what is wrong with a model that it does not have', async () => {
    await expect(server.adapter({ baseModel: 'other' })).rejects.toThrow(`does not have other; it has: ${modelDir}`)
  })
})
