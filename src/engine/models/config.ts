/**
 * What a decoder looks like, read from a Hugging Face `config.json` (an object; reading the file is not done here).
 *
 * Llama, Qwen2/2.5 and Qwen3, in the key names of transformers 4 (`rope_theta`, `rope_scaling`) and 5 (`rope_parameters`).
 * What the engine cannot compute is refused, never ignored.
 */
import { z } from 'zod'
import { ModelError } from '../../core/errors.ts'

type Architecture = 'LlamaForCausalLM' | 'Qwen2ForCausalLM' | 'Qwen3ForCausalLM'

const ARCHITECTURES: readonly Architecture[] = ['LlamaForCausalLM', 'Qwen2ForCausalLM', 'Qwen3ForCausalLM']

/** Frequency scaling of Llama 3.1 (`rope_type: llama3`). */
export interface Llama3Scaling {
  readonly type: 'llama3'
  readonly factor: number
  readonly lowFreqFactor: number
  readonly highFreqFactor: number
  readonly originalMaxPositions: number
}

export interface ModelConfig {
  readonly architecture: Architecture
  readonly hiddenSize: number
  readonly layers: number
  readonly heads: number
  readonly kvHeads: number
  /** Length of one head's vectors; need not be hiddenSize / heads. */
  readonly headDim: number
  /** Width of the gated feed-forward layer. */
  readonly intermediateSize: number
  readonly vocabSize: number
  readonly rmsNormEps: number
  /** The output head is the embedding matrix. */
  readonly tieWordEmbeddings: boolean
  readonly ropeTheta: number
  readonly ropeScaling: Llama3Scaling | undefined
  /** Biases on the projections to q, k and v (Qwen2 always, Llama and Qwen3 by `attention_bias`). */
  readonly qkvBias: boolean
  /** A bias on the attention's output projection (`attention_bias`). */
  readonly outputBias: boolean
  /** Biases in the feed-forward layer (`mlp_bias` of Llama). */
  readonly mlpBias: boolean
  /** RMS norms over each head of q and k (Qwen3). */
  readonly qkNorm: boolean
  readonly maxPositions: number
  readonly initializerRange: number
  readonly bosTokenId: number | undefined
  readonly eosTokenIds: readonly number[]
  /** The token whose embedding, as an input, gets no gradient: transformers makes it torch's `padding_idx`. */
  readonly padTokenId: number | undefined
}

const count = z.int().positive()
/** Many times the largest dense model in use: a number beyond it is a damaged file, and would be allocated. */
const width = count.max(1 << 20)
const layers = count.max(10_000)
const ropeSchema = z.looseObject({
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  rope_theta: z.number().positive().nullish(),
  factor: z.number().positive().nullish(),
  low_freq_factor: z.number().positive().nullish(),
  high_freq_factor: z.number().positive().nullish(),
  original_max_position_embeddings: count.nullish(),
})
type RopeKeys = z.infer<typeof ropeSchema>

const fileSchema = z.looseObject({
  architectures: z.array(z.string()).min(1),
  hidden_size: width,
  num_hidden_layers: layers,
  num_attention_heads: width,
  num_key_value_heads: width.nullish(),
  head_dim: width.nullish(),
  intermediate_size: count.max(1 << 22),
  vocab_size: count.max(1 << 22),
  hidden_act: z.string().default('silu'),
  rms_norm_eps: z.number().positive().default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  rope_theta: z.number().positive().nullish(),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: ropeSchema.nullish(),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  max_position_embeddings: count.max(1 << 30).default(2048),
  initializer_range: z.number().positive().default(0.02),
  bos_token_id: z.int().nonnegative().nullish(),
  eos_token_id: z.union([z.int().nonnegative(), z.array(z.int().nonnegative())]).nullish(),
  pad_token_id: z.int().nullish(),
  use_sliding_window: z.boolean().nullish(),
  sliding_window: z.number().nullish(),
  layer_types: z.array(z.string()).nullish(),
  quantization_config: z.unknown().optional(),
})
type FileConfig = z.infer<typeof fileSchema>

/** `source`: how messages call the file. Throws ModelError for anything the engine cannot compute as it is written. */
export function parseModelConfig(json: unknown, source = 'config.json'): ModelConfig {
  // First: another architecture has other keys, and what it is tells more than which of ours it lacks.
  const named = fileSchema.pick({ architectures: true }).safeParse(json)
  if (named.success) architectureOf(named.data, source)
  const parsed = fileSchema.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new ModelError(`${source}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a model configuration'}`)
  }
  const file = parsed.data
  const architecture = architectureOf(file, source)
  refuseUnsupported(file, source)
  const config: ModelConfig = {
    architecture,
    ...sizesOf(file),
    ...ropeOf(file, source),
    ...biasesOf(architecture, file),
    rmsNormEps: file.rms_norm_eps,
    tieWordEmbeddings: file.tie_word_embeddings,
    maxPositions: file.max_position_embeddings,
    initializerRange: file.initializer_range,
    bosTokenId: file.bos_token_id ?? undefined,
    eosTokenIds: file.eos_token_id == null ? [] : [file.eos_token_id].flat(),
    padTokenId: padTokenOf(file),
  }
  checkSizes(config, source)
  return config
}

function architectureOf(file: Pick<FileConfig, 'architectures'>, source: string): Architecture {
  const known = ARCHITECTURES.find((name) => name === file.architectures[0])
  if (known !== undefined) return known
  throw new ModelError(
    `${source}: the architecture ${String(file.architectures[0])} is not supported; use one of ${ARCHITECTURES.join(', ')}`,
  )
}

function refuseUnsupported(file: FileConfig, source: string): void {
  if (file.hidden_act !== 'silu') {
    throw new ModelError(`${source}: hidden_act ${file.hidden_act} is not supported; only silu is`)
  }
  if (file.quantization_config != null) {
    throw new ModelError(`${source}: quantised weights are not supported; use the model in f32, bf16 or f16`)
  }
  if (slidingWindowUsed(file)) {
    throw new ModelError(`${source}: sliding-window attention is not supported; only full attention is`)
  }
}

/** A negative id counts from the end of the vocabulary, as torch reads it. */
function padTokenOf({ pad_token_id: id, vocab_size: vocabSize }: FileConfig): number | undefined {
  if (id == null) return undefined
  return id < 0 ? vocabSize + id : id
}

/** Qwen configurations carry a `sliding_window` that `use_sliding_window: false` switches off. */
function slidingWindowUsed(file: FileConfig): boolean {
  if (file.layer_types != null) return file.layer_types.some((type) => type !== 'full_attention')
  if (file.use_sliding_window != null) return file.use_sliding_window
  return file.sliding_window != null && file.architectures[0] === 'LlamaForCausalLM'
}

type Sizes = Pick<
  ModelConfig,
  'hiddenSize' | 'layers' | 'heads' | 'kvHeads' | 'headDim' | 'intermediateSize' | 'vocabSize'
>

function sizesOf(file: FileConfig): Sizes {
  return {
    hiddenSize: file.hidden_size,
    layers: file.num_hidden_layers,
    heads: file.num_attention_heads,
    kvHeads: file.num_key_value_heads ?? file.num_attention_heads,
    headDim: file.head_dim ?? headDimDefault(file),
    intermediateSize: file.intermediate_size,
    vocabSize: file.vocab_size,
  }
}

/** transformers: Qwen3 has heads of 128 unless told, the others divide the hidden size among the heads. */
function headDimDefault(file: FileConfig): number {
  return file.architectures[0] === 'Qwen3ForCausalLM' ? 128 : file.hidden_size / file.num_attention_heads
}

function checkSizes(config: ModelConfig, source: string): void {
  if (config.heads % config.kvHeads !== 0) {
    throw new ModelError(
      `${source}: num_attention_heads ${config.heads} is not a multiple of num_key_value_heads ${config.kvHeads}`,
    )
  }
  if (!Number.isInteger(config.headDim) || config.headDim % 2 !== 0) {
    throw new ModelError(`${source}: the head size must be an even whole number, not ${config.headDim}`)
  }
}

function biasesOf(
  architecture: Architecture,
  file: FileConfig,
): Pick<ModelConfig, 'qkvBias' | 'outputBias' | 'mlpBias' | 'qkNorm'> {
  const qwen2 = architecture === 'Qwen2ForCausalLM'
  return {
    qkvBias: qwen2 || file.attention_bias,
    outputBias: !qwen2 && file.attention_bias,
    mlpBias: architecture === 'LlamaForCausalLM' && file.mlp_bias,
    qkNorm: architecture === 'Qwen3ForCausalLM',
  }
}

function ropeOf(file: FileConfig, source: string): Pick<ModelConfig, 'ropeTheta' | 'ropeScaling'> {
  const rope = file.rope_parameters ?? file.rope_scaling ?? {}
  const type = rope.rope_type ?? rope.type ?? 'default'
  const ropeTheta = rope.rope_theta ?? file.rope_theta ?? 10000
  if (type === 'default') return { ropeTheta, ropeScaling: undefined }
  if (type === 'llama3') return { ropeTheta, ropeScaling: llama3Scaling(rope, source) }
  throw new ModelError(`${source}: rope type ${type} is not supported; default and llama3 are`)
}

function llama3Scaling(rope: RopeKeys, source: string): Llama3Scaling {
  const number = (key: keyof RopeKeys): number => {
    const value = rope[key]
    if (typeof value === 'number') return value
    throw new ModelError(`${source}: rope type llama3 needs ${String(key)}`)
  }
  return {
    type: 'llama3',
    factor: number('factor'),
    lowFreqFactor: number('low_freq_factor'),
    highFreqFactor: number('high_freq_factor'),
    originalMaxPositions: number('original_max_position_embeddings'),
  }
}
