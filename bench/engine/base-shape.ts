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
