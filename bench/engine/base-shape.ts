/** The 6.8M model that speed is measured with: large enough that products decide, small enough that a run takes seconds. */
export const BASE_SHAPE = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 256,
  num_hidden_layers: 6,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  intermediate_size: 1024,
  vocab_size: 2048,
  tie_word_embeddings: true,
}

/** Qwen2.5-0.5B as published: the smallest of the models that people train. */
export const QWEN25_05B = {
  architectures: ['Qwen2ForCausalLM'],
  tie_word_embeddings: true,
  rope_theta: 1e6,
  max_position_embeddings: 32768,
  hidden_size: 896,
  num_hidden_layers: 24,
  num_attention_heads: 14,
  num_key_value_heads: 2,
  intermediate_size: 4864,
  vocab_size: 151936,
}
