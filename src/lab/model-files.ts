/** The configuration of the laboratory's model (Llama layout) and the files beside its weights. */
import { parseJson } from '../core/json.ts'
import type { JsonValue } from '../core/json.ts'
import type { JsonObject, NewModelFiles } from '../engine/index.ts'
import { buildLabTokenizer } from './tokenizer/build.ts'
import type { LabTokenizer } from './tokenizer/build.ts'
import { CHAT_TEMPLATE } from './tokenizer/template.ts'
import { createWorld } from './world/entities.ts'

/** Names the samples that the tokenizer is trained on; another one would give other token ids. */
const TOKENIZER_SEED = 'tokenizer-1'

let builtTokenizer: LabTokenizer | undefined

/** A new model: what `Engine.create` wants. 2.2M parameters at a vocabulary of about 1,800. Its tokenizer is trained once. */
export function labModelFiles(): { config: JsonObject; files: NewModelFiles } {
  builtTokenizer ??= buildLabTokenizer(createWorld(), TOKENIZER_SEED)
  const built = builtTokenizer
  return {
    config: {
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      vocab_size: built.vocabularySize,
      hidden_size: 160,
      intermediate_size: 448,
      num_hidden_layers: 6,
      num_attention_heads: 5,
      num_key_value_heads: 5,
      head_dim: 32,
      hidden_act: 'silu',
      max_position_embeddings: 1024,
      rms_norm_eps: 1e-6,
      rope_theta: 10000,
      initializer_range: 0.02,
      tie_word_embeddings: true,
      attention_bias: false,
      mlp_bias: false,
      bos_token_id: null,
      eos_token_id: built.endOfTurnId,
      torch_dtype: 'float32',
    },
    files: {
      tokenizer: plainObject(built.tokenizer),
      tokenizerConfig: plainObject(built.config),
      chatTemplate: CHAT_TEMPLATE,
      generationConfig: {
        eos_token_id: [built.endOfTurnId, built.endOfTextId],
        pad_token_id: built.padId,
        do_sample: true,
        temperature: 1,
      },
    },
  }
}

function plainObject(value: unknown): { [key: string]: JsonValue } {
  const parsed = parseJson(JSON.stringify(value))
  return parsed.ok ? (parsed.value as { [key: string]: JsonValue }) : {}
}
