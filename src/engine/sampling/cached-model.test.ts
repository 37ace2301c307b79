import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseModelConfig } from '../models/config.ts'
import { initParameters } from '../models/parameters.ts'
import { Batcher } from './batcher.ts'
import { CachedModel } from './cached-model.ts'
import type { SampledSequence, SampleRequest } from './requests.ts'

const FILE = {
  architectures: ['Qwen3ForCausalLM'],
  vocab_size: 50,
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  intermediate_size: 48,
  max_position_embeddings: 4096,
  tie_word_embeddings: true,
  initializer_range: 0.3,
}
const config = parseModelConfig(FILE)

function tokensOf(length: number, kind: number): Int32Array {
  return Int32Array.from({ length }, (_, i) => (i * i + 7 * i * kind + kind) % config.vocabSize)
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (b[i] ?? NaN))), 0)
}

describe('CachedModel', () => {
  let model: CachedModel
  beforeEach(async () => {
    model = await CachedModel.create(config, initParameters(config, 3), { threads: 1 })
  })
  afterEach(() => model.release())

  /** The distribution after `prompt`, computed in one go on a row of its own. */
  async function direct(prompt: Int32Array): Promise<Float32Array> {
    const { logprobs } = await model.prefill(0, [prompt], [1])
    return logprobs.slice()
  }

  test('a prompt gives the same distribution alone, padded in a batch, extended, and token by token', async () => {
    model.reserve(4, 100, [])
    const prompts = [tokensOf(60, 1), tokensOf(9, 2), tokensOf(33, 3)]
    const alone: Float32Array[] = []
    for (const prompt of prompts) alone.push(await direct(prompt))
    const { logprobs: batch } = await model.prefill(1, prompts, [1, 1, 1])
    for (const [i, expected] of alone.entries()) {
      expect(largestDifference(expected, batch.subarray(i * 50, (i + 1) * 50))).toBeLessThan(1e-5)
    }
    const [long = tokensOf(1, 1)] = prompts
    await model.prefill(2, [long.slice(0, 40)], [1])
    const { logprobs: extended } = await model.extend(2, 40, long.slice(40), 1)
    expect(largestDifference(alone[0] ?? extended, extended)).toBeLessThan(1e-5)
    await model.prefill(0, [long.slice(0, 57)], [1])
    for (let i = 57; i < 60; i++) {
      const { logprobs: stepped } = await model.decode([long[i] ?? 0], [i], [1])
      if (i === 59) expect(largestDifference(alone[0] ?? stepped, stepped)).toBeLessThan(1e-5)
    }
  })

  test('rows of unequal length decode together, and a copied row goes on like its source', async () => {
    model.reserve(3, 100, [])
    const [a, b] = [tokensOf(20, 1), tokensOf(5, 2)]
    const expected = [await direct(Int32Array.of(...a, 7)), await direct(Int32Array.of(...b, 8))]
    await model.prefill(0, [a, b], [1, 1])
    model.copyRow(0, 2, 20)
    const { logprobs } = await model.decode([7, 8, 7], [20, 5, 20], [1, 1, 1])
    for (const [row, of] of [expected[0], expected[1], expected[0]].entries()) {
      expect(largestDifference(of ?? new Float32Array(), logprobs.subarray(row * 50, (row + 1) * 50))).toBeLessThan(
        1e-5,
      )
    }
  })

  test('rows survive when the cache grows', async () => {
    const prompt = tokensOf(30, 4)
    model.reserve(1, 64, [])
    const expected = await direct(Int32Array.of(...prompt, 9))
    await model.prefill(0, [prompt], [1])
    model.reserve(20, 500, [30])
    const { logprobs } = await model.decode([9], [30], [1])
    expect(largestDifference(expected, logprobs)).toBeLessThan(1e-5)
  })

  test('each row has its own temperature; log-probabilities stay at temperature 1', async () => {
    model.reserve(2, 64, [])
    const prompt = tokensOf(10, 5)
    const { logprobs, probabilities } = await model.prefill(0, [prompt, prompt], [1, 0.5])
    expect(largestDifference(logprobs.subarray(0, 50), logprobs.subarray(50, 100))).toBeLessThan(1e-6)
    expect(largestDifference(probabilities.subarray(0, 50), logprobs.subarray(0, 50).map(Math.exp))).toBeLessThan(1e-6)
    const squared = probabilities.slice(0, 50).map((value) => value * value)
    const sum = squared.reduce((total, value) => total + value, 0)
    expect(
      largestDifference(
        probabilities.subarray(50, 100),
        squared.map((value) => value / sum),
      ),
    ).toBeLessThan(1e-6)
  })

  test('weights that the graph holds give the same distributions as those it reads; it takes over an update when told', async () => {
    const parameters = initParameters(config, 3)
    const models: CachedModel[] = []
    for (const packed of [true, false]) {
      models.push(await CachedModel.create(config, parameters, { threads: 1, packed }))
    }
    const both = async (): Promise<Float32Array[]> => {
      const all: Float32Array[] = []
      for (const each of models) {
        each.reserve(3, 64, [])
        await each.prefill(0, [tokensOf(20, 1), tokensOf(5, 2), tokensOf(11, 3)], [1, 1, 1])
        const { logprobs } = await each.decode([7, 8, 9], [20, 5, 11], [1, 1, 1])
        all.push(logprobs.slice())
      }
      return all
    }
    const [held = new Float32Array(), read = new Float32Array()] = await both()
    expect(largestDifference(held, read)).toBeLessThan(1e-6)
    for (const { name } of parameters.specs) if (name.endsWith('down_proj.weight')) parameters.get(name).fill(0.02)
    for (const each of models) await each.refresh(parameters)
    const [heldAfter = new Float32Array(), readAfter = new Float32Array()] = await both()
    expect(largestDifference(heldAfter, readAfter)).toBeLessThan(1e-6)
    expect(largestDifference(heldAfter, held)).toBeGreaterThan(0.01)
    for (const each of models) await each.release()
  })

  test('the number of rows follows the memory that one of them takes', () => {
    // 2 layers × 2 (keys, values) × 2 heads × 16 × 4 bytes = 512 bytes per token; 2 GiB hold 4 Mi tokens.
    expect(model.maxRows(4096)).toBe(1024)
    expect(model.maxRows(1000)).toBe(4096)
    // No more than the context is ever held.
    expect(model.maxRows(1e9)).toBe(1024)
  })
  /** Eight answers of 100 tokens by a model with memory for so many tokens, and how many had to leave the cache. */
  async function answersWith(tokens: number, batchInvariant: boolean): Promise<[SampledSequence[], number]> {
    const limits = { threads: 1, batchInvariant, cacheBytes: tokens * 512 }
    const small = await CachedModel.create(config, initParameters(config, 3), limits)
    const batcher = new Batcher(small, { maxRows: 8, answerStep: 25, batchInvariant })
    const settings = { samples: 2, temperature: 1, topP: 1, topK: 0, maxTokens: 100, stopTokenIds: [] }
    const requests: SampleRequest[] = [1, 2, 3, 4].map((seed) => ({
      ...settings,
      promptTokens: [...tokensOf(9 * seed, seed)],
      seed,
    }))
    const answers = Promise.all(requests.map((request) => batcher.submit(request)))
    while (batcher.busy) await batcher.pass()
    await small.release()
    return [(await answers).flat(), batcher.counts.preemptions]
  }

  test('an answer that left the cache and came back is the same, bit for bit where no bit may differ', async () => {
    for (const batchInvariant of [true, false]) {
      const [ample, none] = await answersWith(4096, batchInvariant)
      const [scarce, some] = await answersWith(400, batchInvariant)
      expect([none, some > 0]).toEqual([0, true])
      if (batchInvariant) expect(scarce).toEqual(ample)
      else expect(scarce.map(({ tokens }) => tokens)).toEqual(ample.map(({ tokens }) => tokens))
    }
  })
})
