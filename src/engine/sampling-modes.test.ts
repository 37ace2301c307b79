/** Sampling from int8 weights, and sampling that does not depend on the batch. */
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Engine, type EngineOptions } from './engine.ts'
import type { SampleRequest } from './sampling/requests.ts'

const goldens = join(import.meta.dirname, '../../test/goldens/tiny-models')
const open: Engine[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((engine) => engine.close()))
})

async function openTiny(family: string, options: EngineOptions): Promise<Engine> {
  const engine = await Engine.open(join(goldens, family), { inThread: true, threads: 1, ...options })
  open.push(engine)
  return engine
}

/** Prompts of several lengths, some with a common beginning. */
const template: SampleRequest = {
  promptTokens: [],
  samples: 2,
  seed: 0,
  temperature: 0.9,
  topP: 1,
  topK: 0,
  maxTokens: 16,
  stopTokenIds: [2],
}
const requests: SampleRequest[] = [5, 40, 41, 9, 44, 17, 3].map((length, seed) => ({
  ...template,
  promptTokens: Array.from({ length }, (_, i) => 3 + ((i * i + 5 * i) % 300)),
  seed,
}))

describe('batch-invariant sampling', () => {
  test.each([
    ['llama', 'float32'],
    ['qwen3', 'float32'],
    ['llama', 'int8'],
    ['qwen3', 'int8'],
  ] as const)('%s in %s gives the same bits whatever the size of the batch', async (family, sampling) => {
    const answers = []
    for (const maxSlots of [1, 3, 14]) {
      const engine = await openTiny(family, { maxSlots, batchInvariant: true, sampling })
      answers.push(await engine.generate(requests))
    }
    const alone = await openTiny(family, { maxSlots: 8, batchInvariant: true, sampling })
    const oneByOne = []
    for (const request of requests) oneByOne.push(...(await alone.generate([request])))
    for (const other of [...answers.slice(1), oneByOne]) expect(other).toEqual(answers[0])
  })
})

describe('int8 sampling', () => {
  const adam = { learningRate: 0.05, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 1 }

  test.each(['llama', 'qwen2', 'qwen3'])(
    '%s is close to float32, and its training log-probs are float32',
    async (family) => {
      const engine = await openTiny(family, { sampling: 'int8' })
      const exact = await openTiny(family, {})
      const answers = (await engine.generate(requests)).flat()
      const sequences = answers.map(({ tokens }, i) => [...(requests[i >> 1]?.promptTokens ?? []), ...tokens])
      const forced = await engine.logprobs(sequences)
      expect(forced).toEqual(await exact.logprobs(sequences))
      const errors = answers.flatMap(({ tokens, logprobs }, i) => {
        const tail = [...(forced[i] ?? [])].slice(-tokens.length)
        return tail.map((value, t) => Math.abs(value - (logprobs[t] ?? NaN)))
      })
      const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length
      expect(mean).toBeGreaterThan(1e-5)
      expect(mean).toBeLessThan(0.15)
    },
  )

  test('gives other log-probs in company than alone, far beyond the last bits by which float32 differs', async () => {
    const apart = async (sampling: 'float32' | 'int8'): Promise<number> => {
      const engine = await openTiny('qwen3', { sampling, maxSlots: 14 })
      const together = await engine.generate(requests)
      const differences = []
      for (const [i, request] of requests.entries()) {
        const [alone] = await engine.generate([request])
        // The second token is the first of a pass of many rows; the same one, or another.
        const pairs = alone?.map(({ logprobs }, n) => [logprobs[1], together[i]?.[n]?.logprobs[1]]) ?? []
        differences.push(...pairs.map(([a = NaN, b = NaN]) => Math.abs(a - b)))
      }
      return Math.max(...differences)
    }
    expect(await apart('float32')).toBeLessThan(1e-5)
    expect(await apart('int8')).toBeGreaterThan(1e-3)
  })

  test('takes over the weights of every update', async () => {
    const engine = await openTiny('qwen2', { sampling: 'int8' })
    const request = { ...template, promptTokens: [7, 8, 9], samples: 1 }
    const [before] = (await engine.generate([request])).flat()
    const sequence = Array.from({ length: 40 }, (_, i) => 3 + ((i * 7) % 300))
    for (let i = 0; i < 4; i++) {
      await engine.accumulate([sequence], [sequence.slice(1).map(() => 1)])
      await engine.step(adam)
    }
    const [after] = (await engine.generate([request])).flat()
    expect(after?.logprobs).not.toEqual(before?.logprobs)
    const [forced] = await engine.logprobs([[...request.promptTokens, ...(after?.tokens ?? [])]])
    expect(forced?.at(-1)).toBeCloseTo(after?.logprobs.at(-1) ?? NaN, 0)
  })
})
