/** A model on a Tinker server as something that chats: our own template and tokenizer, so what is trained on is what was sampled. */
import { EndpointError } from '../core/errors.ts'
import type { CallHints, ChatMessage, GenerateRequest, Generation, LanguageModel } from '../records/index.ts'
import type { TinkerConnection } from './connection.ts'
import { futureSchema, lastOf, promptLogprobsSchema, sampledSchema } from './wire.ts'

/** What is used of a tokenizer; the engine's is one. */
export interface ChatTokenizer {
  readonly stopTokenIds: readonly number[]
  encodeChat(messages: readonly ChatMessage[], options: { addGenerationPrompt: boolean }): number[]
  decode(tokens: readonly number[]): string
}

export interface TinkerLanguageModelOptions {
  readonly connection: TinkerConnection
  /** What the records call these weights. */
  readonly name: string
  /** Which weights: the base model by name, or `tinker://…`. */
  readonly weights: { readonly base_model: string } | { readonly model_path: string }
  readonly tokenizer: ChatTokenizer
  /** Aborting ends scoring at once; sampling has a signal with every request. */
  readonly signal?: AbortSignal | undefined
}

export class TinkerLanguageModel implements LanguageModel {
  readonly name: string
  readonly endpoint: string
  private readonly options: TinkerLanguageModelOptions

  constructor(options: TinkerLanguageModelOptions) {
    this.options = options
    this.name = options.name
    this.endpoint = options.connection.baseUrl
  }

  /** Log-probs (nats) of tokens 2 … n of each sequence under these weights. */
  async logprobs(sequences: readonly ArrayLike<number>[]): Promise<Float32Array[]> {
    const { connection, weights, signal } = this.options
    return Promise.all(
      sequences.map(async (sequence) => {
        const tokens = Array.from(sequence)
        const future = await connection.post(
          'asample',
          {
            ...weights,
            num_samples: 1,
            prompt: { chunks: [{ type: 'encoded_text', tokens }] },
            sampling_params: { max_tokens: 1, temperature: 1 },
            prompt_logprobs: true,
          },
          futureSchema,
          { repeatable: true, signal },
        )
        const { prompt_logprobs: values } = await connection.result(
          future.request_id,
          'asample',
          promptLogprobsSchema,
          { signal },
        )
        // The first token has none: some servers say null for it, some leave it out.
        return lastOf(values, Math.max(0, tokens.length - 1))
      }),
    )
  }

  /** @throws EndpointError when the server does not answer as needed */
  async generate(request: GenerateRequest, signal?: AbortSignal, { drain }: CallHints = {}): Promise<Generation[]> {
    const { connection, weights, tokenizer } = this.options
    const prompt = tokenizer.encodeChat(request.messages, { addGenerationPrompt: true })
    const future = await connection.post(
      'asample',
      {
        ...weights,
        num_samples: request.n,
        prompt: { chunks: [{ type: 'encoded_text', tokens: prompt }] },
        sampling_params: {
          max_tokens: request.maxTokens,
          seed: request.seed,
          temperature: request.temperature,
          top_p: request.topP,
          top_k: request.topK ?? -1,
          // Not every backend stops at the end of a turn by itself.
          stop: [...tokenizer.stopTokenIds],
        },
        prompt_logprobs: false,
      },
      futureSchema,
      // Sampled twice is no harm.
      { repeatable: true, signal, drain },
    )
    const { sequences } = await connection.result(future.request_id, 'asample', sampledSchema, { signal, drain })
    if (sequences.length !== request.n) {
      throw new EndpointError(`${this.name} gave ${sequences.length} samples where ${request.n} were asked for`, {
        retryable: false,
      })
    }
    return sequences.map(({ tokens, logprobs, stop_reason: reason }, i) => ({
      ...this.textOf(tokens, request.stop ?? []),
      finishReason: reason === 'stop' || reason === 'length' ? reason : 'other',
      tokens,
      ...(logprobs === null || logprobs === undefined ? {} : { logprobs }),
      usage: { promptTokens: i === 0 ? prompt.length : 0, completionTokens: tokens.length },
    }))
  }

  private textOf(tokens: readonly number[], stops: readonly string[]): { text: string } {
    const { tokenizer } = this.options
    const last = tokens.at(-1)
    const ended = last !== undefined && tokenizer.stopTokenIds.includes(last)
    const text = tokenizer.decode(ended ? tokens.slice(0, -1) : tokens)
    const cut = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0)
    return { text: cut.length === 0 ? text : text.slice(0, Math.min(...cut)) }
  }
}
