/**
 * The shapes of published models, as their `config.json` gives them, and the number of weights that the hub states for
 * each. Independent of this code, so that reading a configuration can be checked against it.
 */
import type { JsonObject } from '../formats/model-folder.ts'

interface PublishedShape {
  readonly config: JsonObject
  readonly parameters: number
}

type Sizes = readonly [hidden: number, intermediate: number, layers: number, heads: number, kvHeads: number]

function sizes([hidden, intermediate, layers, heads, kvHeads]: Sizes): JsonObject {
  return {
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    hidden_act: 'silu',
    torch_dtype: 'bfloat16',
    use_cache: true,
    initializer_range: 0.02,
  }
}

function qwen25(shape: Sizes, tied = true, vocabulary = 151936): JsonObject {
  return {
    ...sizes(shape),
    architectures: ['Qwen2ForCausalLM'],
    model_type: 'qwen2',
    attention_dropout: 0,
    bos_token_id: 151643,
    eos_token_id: 151645,
    max_position_embeddings: 32768,
    max_window_layers: shape[2],
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    sliding_window: 32768,
    use_sliding_window: false,
    tie_word_embeddings: tied,
    vocab_size: vocabulary,
  }
}

function qwen3(shape: Sizes, tied = true): JsonObject {
  return {
    ...sizes(shape),
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    attention_bias: false,
    attention_dropout: 0,
    bos_token_id: 151643,
    eos_token_id: 151645,
    head_dim: 128,
    max_position_embeddings: 40960,
    max_window_layers: shape[2],
    rms_norm_eps: 1e-6,
    rope_scaling: null,
    rope_theta: 1e6,
    sliding_window: null,
    use_sliding_window: false,
    tie_word_embeddings: tied,
    vocab_size: 151936,
  }
}

function llama32(shape: Sizes, headDim: number): JsonObject {
  return {
    ...sizes(shape),
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    attention_bias: false,
    mlp_bias: false,
    pretraining_tp: 1,
    bos_token_id: 128000,
    eos_token_id: [128001, 128008, 128009],
    head_dim: headDim,
    max_position_embeddings: 131072,
    rms_norm_eps: 1e-5,
    rope_scaling: {
      factor: 32,
      high_freq_factor: 4,
      low_freq_factor: 1,
      original_max_position_embeddings: 8192,
      rope_type: 'llama3',
    },
    rope_theta: 5e5,
    tie_word_embeddings: true,
    vocab_size: 128256,
  }
}

function smolLm2(shape: Sizes, ropeTheta: number): JsonObject {
  return {
    ...sizes(shape),
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    attention_bias: false,
    bos_token_id: 1,
    eos_token_id: 2,
    pad_token_id: 2,
    is_llama_config: true,
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-5,
    rope_interleaved: false,
    rope_scaling: null,
    rope_theta: ropeTheta,
    tie_word_embeddings: true,
    vocab_size: 49152,
  }
}

export const PUBLISHED: Readonly<Record<string, PublishedShape>> = {
  'Qwen/Qwen2.5-0.5B-Instruct': { config: qwen25([896, 4864, 24, 14, 2]), parameters: 494_032_768 },
  'Qwen/Qwen2.5-1.5B-Instruct': { config: qwen25([1536, 8960, 28, 12, 2]), parameters: 1_543_714_304 },
  'Qwen/Qwen2.5-3B-Instruct': { config: qwen25([2048, 11008, 36, 16, 2]), parameters: 3_085_938_688 },
  'Qwen/Qwen2.5-7B-Instruct': {
    config: qwen25([3584, 18944, 28, 28, 4], false, 152064),
    parameters: 7_615_616_512,
  },
  'Qwen/Qwen3-0.6B': { config: qwen3([1024, 3072, 28, 16, 8]), parameters: 596_049_920 },
  'Qwen/Qwen3-1.7B': { config: qwen3([2048, 6144, 28, 16, 8]), parameters: 1_720_574_976 },
  'Qwen/Qwen3-4B': { config: qwen3([2560, 9728, 36, 32, 8]), parameters: 4_022_468_096 },
  'Qwen/Qwen3-8B': { config: qwen3([4096, 12288, 36, 32, 8], false), parameters: 8_190_735_360 },
  'meta-llama/Llama-3.2-1B-Instruct': { config: llama32([2048, 8192, 16, 32, 8], 64), parameters: 1_235_814_400 },
  'meta-llama/Llama-3.2-3B-Instruct': { config: llama32([3072, 8192, 28, 24, 8], 128), parameters: 3_212_749_824 },
  'HuggingFaceTB/SmolLM2-135M-Instruct': { config: smolLm2([576, 1536, 30, 9, 3], 1e5), parameters: 134_515_008 },
  'HuggingFaceTB/SmolLM2-360M-Instruct': { config: smolLm2([960, 2560, 32, 15, 5], 1e5), parameters: 361_821_120 },
  'HuggingFaceTB/SmolLM2-1.7B-Instruct': {
    config: smolLm2([2048, 8192, 24, 32, 32], 1.3e5),
    parameters: 1_711_376_384,
  },
}
