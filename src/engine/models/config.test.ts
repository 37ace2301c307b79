import { describe, expect, it } from 'vitest'
import { ModelError } from '../../core/errors.ts'
import { parseModelConfig } from './config.ts'

const LLAMA = {
  architectures: ['LlamaForCausalLM'],
  hidden_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  intermediate_size: 128,
  vocab_size: 100,
}
const LLAMA3 = {
  rope_type: 'llama3',
  factor: 32,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
}

describe('parseModelConfig', () => {
  it('fills in what transformers would', () => {
    expect(parseModelConfig(LLAMA)).toMatchObject({
      kvHeads: 4,
      headDim: 16,
      ropeTheta: 10000,
      ropeScaling: undefined,
      tieWordEmbeddings: false,
      qkvBias: false,
      outputBias: false,
      qkNorm: false,
      rmsNormEps: 1e-6,
      eosTokenIds: [],
    })
  })

  it('knows what sets the families apart', () => {
    const qwen2 = parseModelConfig({ ...LLAMA, architectures: ['Qwen2ForCausalLM'] })
    expect(qwen2).toMatchObject({ qkvBias: true, outputBias: false, qkNorm: false, headDim: 16 })
    const qwen3 = parseModelConfig({ ...LLAMA, architectures: ['Qwen3ForCausalLM'] })
    expect(qwen3).toMatchObject({ qkvBias: false, qkNorm: true, headDim: 128 })
    const biased = parseModelConfig({ ...LLAMA, attention_bias: true, mlp_bias: true })
    expect(biased).toMatchObject({ qkvBias: true, outputBias: true, mlpBias: true })
  })

  it('reads rotary settings in the keys of transformers 4 and 5 alike', () => {
    const old = parseModelConfig({ ...LLAMA, rope_theta: 5e5, rope_scaling: LLAMA3 })
    const current = parseModelConfig({ ...LLAMA, rope_parameters: { ...LLAMA3, rope_theta: 5e5 } })
    expect(old).toEqual(current)
    expect(old).toMatchObject({ ropeTheta: 5e5, ropeScaling: { factor: 32, originalMaxPositions: 8192 } })
  })

  it('accepts one end token or several', () => {
    expect(parseModelConfig({ ...LLAMA, eos_token_id: 7 }).eosTokenIds).toEqual([7])
    expect(parseModelConfig({ ...LLAMA, eos_token_id: [7, 8] }).eosTokenIds).toEqual([7, 8])
  })

  it('accepts a sliding window that is switched off', () => {
    const qwen = { ...LLAMA, architectures: ['Qwen2ForCausalLM'], sliding_window: 4096 }
    expect(parseModelConfig({ ...qwen, use_sliding_window: false })).toMatchObject({ qkvBias: true })
    expect(() => parseModelConfig({ ...qwen, use_sliding_window: true })).toThrow(/sliding-window/)
    expect(() => parseModelConfig({ ...LLAMA, layer_types: ['full_attention', 'sliding_attention'] })).toThrow(
      /sliding/,
    )
  })

  it('names a foreign architecture rather than the keys that it lacks', () => {
    const gpt2 = { architectures: ['GPT2LMHeadModel'], n_embd: 768, n_layer: 12, n_head: 12, vocab_size: 50257 }
    expect(() => parseModelConfig(gpt2)).toThrow(/architecture GPT2LMHeadModel is not supported/)
  })

  it.each([
    [{ architectures: ['MambaForCausalLM'] }, /MambaForCausalLM is not supported; use one of LlamaForCausalLM/],
    [{ hidden_act: 'gelu' }, /hidden_act gelu/],
    [{ rope_scaling: { type: 'yarn', factor: 4 } }, /rope type yarn .* llama3/],
    [{ rope_scaling: { rope_type: 'llama3', factor: 4 } }, /needs low_freq_factor/],
    [{ quantization_config: { bits: 4 } }, /quantised/],
    [{ num_key_value_heads: 3 }, /not a multiple/],
    [{ hidden_size: 65 }, /head size/],
    [{ vocab_size: 'many' }, /vocab_size/],
    [{ vocab_size: 1e12 }, /vocab_size/],
    [{ num_hidden_layers: 1e9 }, /num_hidden_layers/],
    [{ hidden_size: 2 ** 40 }, /hidden_size/],
    [{ max_position_embeddings: 1e15 }, /max_position_embeddings/],
    [{ architectures: undefined }, /architectures/],
  ])('refuses %j', (change, message) => {
    const parse = (): unknown => parseModelConfig({ ...LLAMA, ...change }, 'models/x/config.json')
    expect(parse).toThrow(ModelError)
    expect(parse).toThrow(message)
    expect(parse).toThrow(/^models\/x\/config\.json/)
  })
})
