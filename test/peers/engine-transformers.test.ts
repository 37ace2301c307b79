/**
 * What the engine saves opens in transformers and computes the same there. Needs a Python with torch and transformers:
 * POP_PYTHON=/path/to/python npx vitest run test/peers/engine-transformers.test.ts
 * The committed goldens (`test/goldens/tiny-models`) cover the other direction without Python.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseJson } from '../../src/core/json.ts'
import { rng } from '../../src/core/rng.ts'
import { openCheckpoint, writeCheckpoint } from '../../src/engine/formats/checkpoint.ts'
import { readModelFiles } from '../../src/engine/formats/model-folder.ts'
import { Engine } from '../../src/engine/index.ts'

const python = process.env['POP_PYTHON']
const goldens = join(import.meta.dirname, '../goldens')
const CHAT = [{ role: 'user', content: 'When does the ferry cross? 2024 ' }]

interface Answers {
  logprobs: number[][]
  greedy: number[][]
  chats: number[][]
  dtype: string
  missing_keys: string[]
  unexpected_keys: string[]
}

const random = rng(9, 'parity')
const sequences = [40, 7, 90].map((length) => Array.from({ length }, () => 3 + random.below(350)))
const prompts = sequences.map((tokens) => tokens.slice(0, 6))

function ask(folder: string, ...adapter: string[]): Answers {
  const input = JSON.stringify({ sequences, prompts, maxTokens: 16, chats: [CHAT] })
  const command = [join(goldens, 'ask_transformers.py'), folder, ...adapter]
  const output = execFileSync(python ?? '', command, { input, encoding: 'utf8' })
  const json = parseJson(output)
  if (!json.ok) throw new Error(json.message)
  return json.value as unknown as Answers
}

/** A random model of the family, made by the engine itself, trained one step so that no parameter has its start value. */
async function makeModel(family: string): Promise<Engine> {
  const { config, raw: _, ...files } = readModelFiles(join(goldens, 'tiny-models', family))
  const engine = await Engine.create(config, files, { seed: 4, inThread: true, threads: 1 })
  await engine.accumulate(
    sequences,
    sequences.map((tokens) => tokens.slice(1).map(() => 1)),
  )
  const adam = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 0 }
  await engine.step({ learningRate: 0.02, ...adam })
  return engine
}

function largestDifference(ours: readonly Float32Array[], theirs: number[][]): number {
  return Math.max(...ours.flatMap((row, i) => [...row].map((value, t) => Math.abs(value - (theirs[i]?.[t] ?? NaN)))))
}

describe.skipIf(python === undefined)('transformers', { timeout: 300_000 }, () => {
  let dir: string
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'pop-parity-'))
  })
  afterAll(() => {
    rmSync(dir, { recursive: true, force: true })
  })

  test.each(['llama', 'qwen2', 'qwen3'])(
    'opens a saved %s and agrees on log-probabilities, greedy text and chats',
    async (family) => {
      const engine = await makeModel(family)
      const folder = join(dir, family)
      await engine.save(folder)
      const theirs = ask(folder)
      expect(theirs).toMatchObject({ missing_keys: [], unexpected_keys: [], dtype: 'torch.float32' })
      expect(largestDifference(await engine.logprobs(sequences), theirs.logprobs)).toBeLessThan(1e-4)
      const plain = { samples: 1, seed: 0, temperature: 0, topP: 1, topK: 0, maxTokens: 16, stopTokenIds: [2] }
      const answers = await engine.generate(prompts.map((promptTokens) => ({ promptTokens, ...plain })))
      expect(answers.map(([answer]) => answer?.tokens)).toEqual(theirs.greedy)
      expect([engine.tokenizer.encodeChat(CHAT, { addGenerationPrompt: true })]).toEqual(theirs.chats)
      await engine.close()
    },
  )

  test.each(['llama', 'qwen2', 'qwen3'])('PEFT opens the adapter of a saved %s on its base model', async (family) => {
    const base = join(goldens, 'tiny-models', family)
    const engine = await Engine.open(base, { inThread: true, threads: 1, lora: { rank: 4, alpha: 6 } })
    await engine.accumulate(
      sequences,
      sequences.map((tokens) => tokens.slice(1).map(() => 1)),
    )
    const adam = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 0 }
    await engine.step({ learningRate: 0.05, ...adam })
    const folder = join(dir, `${family}-lora`)
    await engine.save(folder)
    const ours = await engine.logprobs(sequences)
    await engine.close()
    expect(largestDifference(ours, ask(base).logprobs)).toBeGreaterThan(0.1)
    expect(largestDifference(ours, ask(base, join(folder, 'adapter')).logprobs)).toBeLessThan(1e-4)
  })

  test('opens BF16 weights and shards, and both sides read the same rounded values', async () => {
    const engine = await makeModel('qwen3')
    const folder = join(dir, 'bf16')
    await engine.save(folder, { dtype: 'BF16' })
    await engine.close()
    const reopened = await Engine.open(folder, { inThread: true, threads: 1 })
    const ours = await reopened.logprobs(sequences)
    const theirs = ask(folder)
    expect(theirs.dtype).toBe('torch.bfloat16')
    expect(largestDifference(ours, theirs.logprobs)).toBeLessThan(1e-4)

    const sharded = join(dir, 'sharded')
    cpSync(folder, sharded, { recursive: true })
    const checkpoint = openCheckpoint(folder)
    const tensors = [...checkpoint.tensors].map(([name, { shape, size }]) => {
      const data = new Float32Array(size)
      checkpoint.readInto(name, data)
      return { name, shape, data }
    })
    checkpoint.close()
    rmSync(join(sharded, 'model.safetensors'))
    writeCheckpoint(sharded, tensors, 'BF16', 20_000)
    const fromShards = ask(sharded)
    expect(fromShards).toEqual(theirs)
    await reopened.close()
  })
})
