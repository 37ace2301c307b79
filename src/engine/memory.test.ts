import { describe, expect, it } from 'vitest'
import { ModelError } from '../core/errors.ts'
import { PUBLISHED } from './testing/published-shapes.ts'
import { parseModelConfig } from './models/config.ts'
import { mostPlaces } from './training/batching.ts'
import { activationBytes } from './training/memory.ts'
import { answerRoom, describeMemory, memoryNeed, requireMemory } from './memory.ts'
import type { TrainingUse } from './training/memory.ts'

const GIB = 2 ** 30
const config = parseModelConfig(PUBLISHED['Qwen/Qwen2.5-7B-Instruct']?.config)

describe('memoryNeed', () => {
  it('counts float32 weights, and more for every answer, copy and what training keeps', () => {
    const alone = memoryNeed(config)
    const part = (name: string, of = alone): number => of.parts.find(([key]) => key === name)?.[1] ?? 0
    expect(part('weights')).toBe(4 * 7_615_616_512)
    expect(alone.total).toBeGreaterThan(part('weights') + 0.2 * GIB)
    expect(part('sampling', memoryNeed(config, { slots: 64 }))).toBeGreaterThan(2 * part('sampling'))
    expect(part('weights', memoryNeed(config, { replicas: 2 }))).toBe(2 * part('weights'))
  })

  it('of int8 four times what the rounded weights take: so many copies are there while they are compiled', () => {
    const parts = Object.fromEntries(memoryNeed(config, { int8: true }).parts)
    const quarter = (parts['weights'] ?? 0) / 4
    // All but the embedding, norms and biases.
    expect(parts['int8 weights']).toBeGreaterThan(4 * 0.9 * quarter)
    expect(parts['int8 weights']).toBeLessThan(4 * quarter)
  })

  it('of a small model also copies of the weights that its sampling graph holds, in float32 or in int8', () => {
    const shape = { hidden_size: 256, num_hidden_layers: 6, num_attention_heads: 4, num_key_value_heads: 4 }
    const rest = { intermediate_size: 1024, vocab_size: 2048, tie_word_embeddings: true, max_position_embeddings: 1024 }
    const small = parseModelConfig({ architectures: ['LlamaForCausalLM'], model_type: 'llama', ...shape, ...rest })
    const parts = Object.fromEntries(memoryNeed(small, { replicas: 2 }).parts)
    expect(parts['packed weights']).toBeGreaterThan(4 * 0.99 * (parts['weights'] ?? 0))
    const rounded = Object.fromEntries(memoryNeed(small, { replicas: 2, int8: true }).parts)
    expect(rounded['int8 weights']).toBe((parts['packed weights'] ?? 0) / 4)
    expect(rounded['packed weights']).toBeUndefined()
    expect(Object.fromEntries(memoryNeed(config).parts)['packed weights']).toBeUndefined()
  })

  it('of training: the gradient and two moments of what is trained, and what is kept of the longest sequence', () => {
    const of = (training: TrainingUse): Record<string, number> =>
      Object.fromEntries(memoryNeed(config, { training }).parts)
    const full = of({ loraRank: 0 })
    const adapters = of({ loraRank: 32 })
    expect(full['gradients']).toBe(full['weights'])
    expect(full["Adam's moments"]).toBe(2 * (full['weights'] ?? 0))
    expect(adapters['merged weights']).toBe(full['weights'])
    expect(adapters['gradients']).toBeLessThan((full['gradients'] ?? 0) / 40)
    const small = parseModelConfig(PUBLISHED['Qwen/Qwen2.5-0.5B-Instruct']?.config)
    const kept = (more: Partial<TrainingUse>): number => {
      const { parts } = memoryNeed(small, { training: { loraRank: 32, ...more } })
      return Object.fromEntries(parts)['activations'] ?? 0
    }
    expect(kept({ maxLength: 4096, recompute: false })).toBeGreaterThan(4 * kept({ recompute: false }))
    expect(kept({ maxLength: 4096, recompute: true })).toBeLessThan(kept({ maxLength: 4096, recompute: false }) / 5)
    // A shorter sequence is kept whole, up to the bound of 4 GiB.
    expect(kept({ maxLength: 4096 })).toBeGreaterThan(4 * GIB)
    expect(kept({ maxLength: 4096 })).toBeLessThan(4.2 * GIB)
    const alone = kept({ maxLength: 2048, recompute: false })
    expect(kept({ maxLength: 2048, recompute: false, sharePrefixes: 'short' })).toBe(alone)
    expect(kept({ maxLength: 2048, recompute: false, sharePrefixes: true })).toBeCloseTo(2 * alone, -3)
  })
})

describe('answerRoom', () => {
  it('ends an answer that nobody bounded at the context, or where it would fill the cache alone', () => {
    const llama = parseModelConfig(PUBLISHED['meta-llama/Llama-3.2-1B-Instruct']?.config)
    // 16 layers × 2 × 8 heads × 64 × 4 bytes are 64 KiB of a token; its whole context would be 8 GiB.
    expect(answerRoom(llama, 100)).toBe(32_768 - 100)
    expect(answerRoom(llama, 131_000)).toBe(72)
    expect(answerRoom(llama, 40_000)).toBe(1024)
    const small = parseModelConfig(PUBLISHED['Qwen/Qwen2.5-0.5B-Instruct']?.config)
    expect(answerRoom(small, 100)).toBe(32_768 - 100)
    expect(answerRoom(small, 32_768)).toBe(1)
  })
})

describe('requireMemory', () => {
  it('lets pass what fits and refuses the rest with the numbers', () => {
    const need = memoryNeed(config)
    requireMemory(need, need.total, 'm')
    const refuse = (): void => requireMemory(need, 20 * GIB, 'models/large')
    expect(refuse).toThrow(ModelError)
    expect(refuse).toThrow(/models\/large needs about 29\.\d GiB .*weights 28\.4 GiB.*20\.0 GiB are free/)
    expect(describeMemory(need)).toMatch(/^weights 28\.4 GiB, /)
  })
})

describe('activationBytes', () => {
  it('of a micro-batch of short rows with padding are no more than those of one long row', () => {
    for (const { config: raw } of Object.values(PUBLISHED)) {
      const model = parseModelConfig(raw)
      const longest = activationBytes(model, { tokens: 1024, rows: 1, length: 1024 }, 32)
      for (const length of [32, 64, 96, 128, 160, 256]) {
        const rows = mostPlaces(length, 1024) / length
        expect(activationBytes(model, { tokens: 1024, rows, length }, 32)).toBeLessThanOrEqual(longest)
      }
    }
  })
})
