/** Adapters in PEFT's layout: theirs in ours, ours again in ours. Ours in theirs: test/peers/engine-transformers.test.ts. */
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ModelError } from '../core/errors.ts'
import { Engine } from './engine.ts'
import { modelFingerprint } from './formats/fingerprint.ts'
import { SafetensorsReader } from './formats/safetensors-reader.ts'
import { writeSafetensors } from './formats/safetensors-writer.ts'
import { checkModelFolder } from './worker/load-weights.ts'
import type { EngineOptions } from './engine.ts'

const models = join(import.meta.dirname, '../../test/goldens/tiny-models')
const adapters = join(models, 'peft')

interface Expected {
  sequences: number[][]
  adapters: Record<string, { family: string; logprobs: number[][] }>
}
const { sequences, adapters: cases } = JSON.parse(readFileSync(join(adapters, 'expected.json'), 'utf8')) as Expected
const ADAM = { learningRate: 0.02, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 0 }

let dir: string
const opened: Engine[] = []
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pop-adapters-'))
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((engine) => engine.close()))
  rmSync(dir, { recursive: true, force: true })
})

async function open(folder: string, options: EngineOptions = {}): Promise<Engine> {
  const engine = await Engine.open(folder, { inThread: true, threads: 1, ...options })
  opened.push(engine)
  return engine
}

function largestDifference(ours: readonly ArrayLike<number>[], theirs: readonly ArrayLike<number>[]): number {
  const differences = ours.flatMap((row, i) => Array.from(row, (value, t) => Math.abs(value - (theirs[i]?.[t] ?? NaN))))
  return Math.max(...differences)
}

async function trainOneStep(engine: Engine): Promise<void> {
  await engine.accumulate(
    sequences,
    sequences.map((tokens) => tokens.slice(1).map(() => 1)),
  )
  await engine.step(ADAM)
}

describe.each(Object.entries(cases))('%s by PEFT', (name, { family, logprobs }) => {
  test('gives the same log-probabilities, added to the weights', async () => {
    const engine = await open(join(models, family), { adapter: join(adapters, name) })
    expect(largestDifference(await engine.logprobs(sequences), logprobs)).toBeLessThan(1e-4)
    const plain = await open(join(models, family))
    expect(largestDifference(await plain.logprobs(sequences), logprobs)).toBeGreaterThan(0.1)
  })

  test('is told from the bare model by the fingerprint', () => {
    const bare = modelFingerprint(join(models, family))
    expect(modelFingerprint(join(models, family), join(adapters, name))).not.toBe(bare)
  })
})

const QWEN2 = join(models, 'qwen2')
const ADAPTER = join(adapters, 'qwen2-all')
const LORA = { rank: 4, alpha: 8 }

describe('an adapter that is trained', () => {
  test('starts where the loaded one stood, and is saved beside the merged weights', async () => {
    const engine = await open(QWEN2, { adapter: ADAPTER, lora: LORA })
    expect(largestDifference(await engine.logprobs(sequences), cases['qwen2-all']?.logprobs ?? [])).toBeLessThan(1e-4)
    await trainOneStep(engine)
    const trained = await engine.logprobs(sequences)
    expect(largestDifference(trained, cases['qwen2-all']?.logprobs ?? [])).toBeGreaterThan(0.1)
    await engine.save(join(dir, 'out'))

    const merged = await open(join(dir, 'out'))
    expect(largestDifference(await merged.logprobs(sequences), trained)).toBeLessThan(1e-4)
    const onBase = await open(QWEN2, { adapter: join(dir, 'out/adapter') })
    expect(largestDifference(await onBase.logprobs(sequences), trained)).toBeLessThan(1e-4)
    const goesOn = await open(QWEN2, { adapter: join(dir, 'out/adapter'), lora: LORA })
    expect(await goesOn.logprobs(sequences)).toEqual(trained)
  })

  test('trains every layer, also those that the loaded one left alone', async () => {
    const engine = await open(join(models, 'qwen3'), {
      adapter: join(adapters, 'qwen3-attention-rslora'),
      lora: { rank: 2, alpha: 3 * Math.SQRT2 },
    })
    const start = cases['qwen3-attention-rslora']?.logprobs ?? []
    expect(largestDifference(await engine.logprobs(sequences), start)).toBeLessThan(1e-4)
    await trainOneStep(engine)
    await engine.save(join(dir, 'out'))
    const reader = SafetensorsReader.open(join(dir, 'out/adapter/adapter_model.safetensors'))
    expect(reader.tensors.size).toBe(2 * 2 * 7)
    expect([...reader.tensors.keys()]).toContain('base_model.model.model.layers.1.mlp.down_proj.lora_B.weight')
    reader.close()
  })
})

describe('an adapter is refused', () => {
  test('when it is to be trained with another rank or alpha, before anything else is done', async () => {
    await expect(open(QWEN2, { adapter: ADAPTER, lora: { rank: 8, alpha: 8 } })).rejects.toThrow(/rank 4 and alpha 8/)
    await expect(open(QWEN2, { adapter: ADAPTER, lora: { rank: 4, alpha: 4 } })).rejects.toThrow(ModelError)
    expect(() => {
      checkModelFolder(QWEN2, { dir: ADAPTER, lora: { rank: 8, alpha: 8 } })
    }).toThrow(/make them equal/)
    checkModelFolder(QWEN2, { dir: ADAPTER, lora: false })
  })

  test('when it belongs to another model', async () => {
    await expect(open(join(models, 'qwen3'), { adapter: ADAPTER })).rejects.toThrow(/has shape \[.*\], the model needs/)
  })

  test.each([
    ['use_dora', true],
    ['bias', 'all'],
    ['modules_to_save', ['lm_head']],
    ['rank_pattern', { q_proj: 2 }],
    ['peft_type', 'IA3'],
    ['init_lora_weights', 'pissa'],
    ['r', 0],
  ])('when its %s is %o', async (key, value) => {
    const copy = copyAdapter()
    const config = JSON.parse(readFileSync(join(copy, 'adapter_config.json'), 'utf8')) as Record<string, unknown>
    writeFileSync(join(copy, 'adapter_config.json'), JSON.stringify({ ...config, [key]: value }))
    await expect(open(QWEN2, { adapter: copy })).rejects.toThrow(new RegExp(`adapter_config.json: ${key}`))
  })

  test('when its tensors are on no layer, incomplete, or a pickle', async () => {
    const copy = copyAdapter()
    const file = join(copy, 'adapter_model.safetensors')
    const of = (name: string): { name: string; shape: number[]; data: Float32Array } => {
      return { name: `base_model.model.${name}`, shape: [4, 32], data: new Float32Array(128) }
    }
    writeSafetensors(file, [of('model.embed_tokens.lora_embedding_A')], 'F32')
    await expect(open(QWEN2, { adapter: copy })).rejects.toThrow(/sits on no linear layer/)
    writeSafetensors(file, [of('model.layers.0.self_attn.q_proj.lora_A.weight')], 'F32')
    await expect(open(QWEN2, { adapter: copy })).rejects.toThrow(/only one of lora_A and lora_B/)
    renameSync(file, join(copy, 'adapter_model.bin'))
    await expect(open(QWEN2, { adapter: copy })).rejects.toThrow(/pickle/)
  })

  function copyAdapter(): string {
    const copy = join(dir, 'adapter')
    cpSync(ADAPTER, copy, { recursive: true })
    return copy
  }
})
