import { describe, expect, it } from 'vitest'
import { FAMILIES, familyConfig } from '../testing/model-families.ts'
import { parameterSpecs, ParameterStore, initParameters } from './parameters.ts'

describe('ParameterStore', () => {
  const specs = [
    { name: 'a', shape: [3], kind: 'bias' as const },
    { name: 'b', shape: [2, 4], kind: 'matrix' as const },
  ]

  it('holds what is too much for one buffer in several, no tensor torn apart', () => {
    const specs = ['a', 'b', 'c', 'd'].map((name, i) => ({ name, shape: [10 + 10 * i], kind: 'matrix' as const }))
    const store = new ParameterStore(specs, undefined, 64)
    specs.forEach(({ name }, i) => store.get(name).fill(i + 1))
    expect(specs.map(({ name }) => [...new Set(store.get(name))])).toEqual([[1], [2], [3], [4]])
    // Padded to 16, 32, 32 and 48 elements.
    expect(specs.map(({ name }) => store.get(name).buffer.byteLength)).toEqual([192, 192, 128, 192])
    expect([store.length, store.parameterCount]).toEqual([128, 100])
    expect(new ParameterStore(specs).copy(store).get('d')).toEqual(store.get('d'))
    expect(() => store.flat).toThrow(/100 parameters, too many to train all of them here: train adapters/)
    expect(new ParameterStore(specs, undefined, 128).flat).toHaveLength(128)
  })

  it('keeps aligned live views of one buffer', () => {
    const store = new ParameterStore(specs)
    store.get('b').set([5], 7)
    expect(store.flat).toHaveLength(32)
    expect(store.offsetOf('b')).toBe(16)
    expect(store.flat[23]).toBe(5)
    expect(store.parameterCount).toBe(11)
  })

  it('clones without sharing', () => {
    const store = new ParameterStore(specs)
    const copy = store.clone()
    copy.get('a').fill(1)
    expect([...store.get('a')]).toEqual([0, 0, 0])
  })

  it('refuses unknown names and buffers of another length', () => {
    const store = new ParameterStore(specs)
    expect(() => store.get('c')).toThrow(/no parameter c/)
    expect(() => store.offsetOf('c')).toThrow(/no parameter c/)
    expect(() => store.like(new Float32Array(31))).toThrow(/31 elements/)
  })
})

describe('parameterSpecs', () => {
  it.each(Object.keys(FAMILIES))('has no duplicate names and fills the store exactly: %s', (family) => {
    const specs = parameterSpecs(familyConfig(family))
    expect(new Set(specs.map(({ name }) => name)).size).toBe(specs.length)
  })

  it('has the head only when it is untied', () => {
    const names = (family: string): string[] => parameterSpecs(familyConfig(family)).map(({ name }) => name)
    expect(names('Llama, untied, llama3 rope')).toContain('lm_head.weight')
    expect(names('Qwen2, tied, qkv bias')).not.toContain('lm_head.weight')
    expect(names('Qwen2, tied, qkv bias')).toContain('model.layers.1.self_attn.k_proj.bias')
    expect(names('Qwen3, untied, head size apart')).toContain('model.layers.0.self_attn.q_norm.weight')
  })
})

describe('initParameters', () => {
  const config = { ...familyConfig('Qwen2, tied, qkv bias'), hiddenSize: 64, vocabSize: 500 }

  it('draws matrices from normal(0, range), with norms 1 and biases 0', () => {
    const store = initParameters(config, 3)
    const table = store.get('model.embed_tokens.weight')
    const mean = table.reduce((a, b) => a + b, 0) / table.length
    const deviation = Math.sqrt(table.reduce((a, b) => a + (b - mean) ** 2, 0) / table.length)
    expect(Math.abs(mean)).toBeLessThan(0.001)
    expect(deviation).toBeCloseTo(0.02, 3)
    expect(new Set(store.get('model.norm.weight'))).toEqual(new Set([1]))
    expect(new Set(store.get('model.layers.0.self_attn.q_proj.bias'))).toEqual(new Set([0]))
  })

  it('depends on the seed alone', () => {
    expect(initParameters(config, 3).flat).toEqual(initParameters(config, 3).flat)
    expect(initParameters(config, 3).flat).not.toEqual(initParameters(config, 4).flat)
  })
})
