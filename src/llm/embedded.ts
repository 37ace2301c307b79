/**
 * The built-in engine as a chat model: conversations become token ids by the model's own template, sampled ids become
 * text. The only file of this room that imports the engine.
 */
import { EndpointError } from '../core/errors.ts'
import type { GenerateRequest, Generation, LanguageModel } from '../records/index.ts'
import type { SampledSequence, SampleRequest } from '../engine/sampling/requests.ts'
import type { Tokenizer } from '../engine/tokenizer/tokenizer.ts'

/** What is used of an engine. */
export interface EmbeddedSampler {
  readonly tokenizer: Pick<Tokenizer, 'encodeChat' | 'decode' | 'stopTokenIds'>
  /** Tokens that prompt and answer may have together. */
  readonly contextLength: number
  /** One list of `samples` sequences per request. */
  generate(requests: readonly SampleRequest[], signal?: AbortSignal): Promise<SampledSequence[][]>
}

export class EmbeddedLanguageModel implements LanguageModel {
  readonly name: string
  private readonly engine: EmbeddedSampler

  constructor(engine: EmbeddedSampler, name: string) {
    this.engine = engine
    this.name = name
  }

  /** @throws EndpointError when the prompt leaves no room for an answer in the model's context */
  async generate(request: GenerateRequest, signal?: AbortSignal): Promise<Generation[]> {
    signal?.throwIfAborted()
    const { tokenizer, contextLength } = this.engine
    const promptTokens = tokenizer.encodeChat(request.messages, { addGenerationPrompt: true })
    if (promptTokens.length >= contextLength) {
      throw new EndpointError(
        `the prompt has ${promptTokens.length} tokens and the context of ${this.name} is ${contextLength}: ` +
          'use shorter documents (corpus.maxWords) or a model with a longer context',
        { retryable: false },
      )
    }
    const [sequences = []] = await this.engine.generate([this.sampleRequest(request, promptTokens)], signal)
    signal?.throwIfAborted()
    return sequences.map((sequence, i) => this.generation(sequence, i === 0 ? promptTokens.length : 0))
  }

  private sampleRequest(request: GenerateRequest, promptTokens: readonly number[]): SampleRequest {
    return {
      promptTokens,
      samples: request.n,
      seed: request.seed,
      temperature: request.temperature,
      topP: request.topP,
      topK: request.topK ?? 0,
      maxTokens: request.maxTokens,
      stopTokenIds: this.engine.tokenizer.stopTokenIds,
      ...(request.stop === undefined ? {} : { stopStrings: request.stop }),
    }
  }

  /** `tokens` keep the stop token, which training needs; `text` ends before it, and before a stop string. */
  private generation({ tokens, logprobs, finishReason, stopString }: SampledSequence, promptTokens: number): Generation {
    const { tokenizer } = this.engine
    const last = tokens.at(-1)
    const stopped = last !== undefined && tokenizer.stopTokenIds.includes(last)
    const whole = tokenizer.decode(stopped ? tokens.slice(0, -1) : tokens)
    const end = stopString === undefined ? -1 : whole.indexOf(stopString)
    return {
      text: end < 0 ? whole : whole.slice(0, end),
      finishReason,
      tokens,
      logprobs,
      usage: { promptTokens, completionTokens: tokens.length },
    }
  }
}
