/** Small configurations that between them use every feature of the supported families. */
import type { ModelConfig } from '../models/config.ts'
import { parseModelConfig } from '../models/config.ts'
import type { ParameterStore } from '../models/parameters.ts'
import { initParameters } from '../models/parameters.ts'
import { rng } from '../../core/rng.ts'

const SMALL = {
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 24,
  vocab_size: 19,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
}

const LLAMA3_ROPE = {
  rope_type: 'llama3',
  rope_theta: 10000,
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 16,
}

export const FAMILIES: Readonly<Record<string, Record<string, unknown>>> = {
  'Llama, untied, llama3 rope': {
    ...SMALL,
    architectures: ['LlamaForCausalLM'],
    head_dim: 8,
    rope_parameters: LLAMA3_ROPE,
  },
  'Llama, tied, all biases, no grouping': {
    ...SMALL,
    architectures: ['LlamaForCausalLM'],
    num_key_value_heads: 4,
    attention_bias: true,
    mlp_bias: true,
    tie_word_embeddings: true,
  },
  'Qwen2, tied, qkv bias': {
    ...SMALL,
    architectures: ['Qwen2ForCausalLM'],
    tie_word_embeddings: true,
    rope_theta: 1e6,
  },
  'Qwen3, untied, head size apart': { ...SMALL, architectures: ['Qwen3ForCausalLM'], head_dim: 6, rope_theta: 1e6 },
}

export function familyConfig(name: string): ModelConfig {
  return parseModelConfig(FAMILIES[name])
}

/** Weights large enough that every part matters, with norms and biases off their start values. */
export function randomParameters(config: ModelConfig, seed: number): ParameterStore {
  const store = initParameters({ ...config, initializerRange: 0.25 }, seed)
  for (const { name, kind } of store.specs) {
    if (kind !== 'norm' && kind !== 'bias') continue
    const random = rng(seed, 'test', name)
    const values = store.get(name)
    for (let i = 0; i < values.length; i++) values[i] = (kind === 'norm' ? 1 : 0) + 0.3 * random.normal()
  }
  return store
}

/** Sequences of uneven length with repeated tokens, and weights of both signs for their targets. */
export function randomBatch(
  config: ModelConfig,
  seed: number,
  lengths: readonly number[] = [9, 5, 12, 2],
): { sequences: number[][]; weights: Float32Array[] } {
  const random = rng(seed, 'batch')
  const sequences = lengths.map((length) => Array.from({ length }, () => random.below(config.vocabSize)))
  const weights = sequences.map((tokens) => Float32Array.from({ length: tokens.length - 1 }, () => random.normal()))
  return { sequences, weights }
}
