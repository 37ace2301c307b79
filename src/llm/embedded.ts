/**
 * The built-in engine as a chat model: conversations become token ids by the model's own template, sampled ids become
 * text. The only file of this room that imports the engine.
 */
import { EndpointError } from '../core/errors.ts'
import type { GenerateRequest, Generation, LanguageModel, NumberChoice } from '../records/index.ts'
import type { Engine, Generation as Answer, SampleRequest } from '../engine/index.ts'
import { numberChoices } from './number-choices.ts'

/** At each place, for `numberLogprobs`. */
const TOP_LOGPROBS = 8

/** What is used of an engine: it samples from the weights as they are when a call comes. */
export type SamplingEngine = Pick<Engine, 'config' | 'tokenizer' | 'generate'>

export class EmbeddedLanguageModel implements LanguageModel {
  readonly name: string
  readonly abilities = { responseFormat: true, numberLogprobs: true }
  private readonly engine: SamplingEngine

  /** @param name what the records call these weights, such as `lab@round-1` */
  constructor(engine: SamplingEngine, name: string) {
    this.engine = engine
    this.name = name
  }

  /** @throws EndpointError when the prompt leaves no room for an answer in the model's context */
  async generate(request: GenerateRequest, signal?: AbortSignal): Promise<Generation[]> {
    signal?.throwIfAborted()
    const contextLength = this.engine.config.maxPositions
    const promptTokens = this.engine.tokenizer.encodeChat(request.messages, { addGenerationPrompt: true })
    if (promptTokens.length >= contextLength) {
      throw new EndpointError(
        `the prompt has ${promptTokens.length} tokens and the context of ${this.name} is ${contextLength}: ` +
          'use shorter documents (corpus.maxWords) or a model with a longer context',
        { retryable: false },
      )
    }
    const [answers = []] = await this.engine.generate([this.sampleRequest(request, promptTokens)], signal)
    return answers.map(({ text, tokens, logprobs, topLogprobs, finishReason }, i) => ({
      text,
      finishReason,
      tokens,
      logprobs,
      ...(topLogprobs === undefined ? {} : { numbers: this.numbers({ text, tokens, logprobs, topLogprobs }) }),
      usage: { promptTokens: i === 0 ? promptTokens.length : 0, completionTokens: tokens.length },
    }))
  }

  private numbers(answer: Required<Pick<Answer, 'text' | 'tokens' | 'logprobs' | 'topLogprobs'>>): NumberChoice[] {
    const { tokenizer } = this.engine
    const textOf = (token: number): string => tokenizer.decode([token])
    const choices = answer.tokens.map((token, i) => ({
      text: textOf(token),
      logprob: answer.logprobs[i] ?? Number.NEGATIVE_INFINITY,
      alternatives: (answer.topLogprobs[i] ?? []).map((top) => ({ text: textOf(top.token), logprob: top.logprob })),
    }))
    return numberChoices(choices, answer.text)
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
      ...(request.numberLogprobs === true ? { topLogprobs: TOP_LOGPROBS } : {}),
      ...(request.responseFormat === undefined ? {} : { jsonSchema: request.responseFormat.schema }),
    }
  }
}
