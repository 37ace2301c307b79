/** What is asked of the sampler and what it gives back. */
import type { JsonValue } from '../../core/json.ts'

/** One prompt, `samples` independent answers. */
export interface SampleRequest {
  /** Token ids of the prompt, at least one. */
  promptTokens: readonly number[]
  samples: number
  /**
   * Sample i draws from the stream of (seed, i) alone, whatever else is in the batch. (The distribution it draws from
   * may differ in its last bits with the size of the batch, as matrix products are rounded differently.)
   */
  seed: number
  /** 0 is greedy. */
  temperature: number
  /** In (0, 1]; 1 is off. */
  topP: number
  /** 0 is off. */
  topK: number
  /** Most tokens to sample; the model's context may end an answer earlier. */
  maxTokens: number
  /** A sampled token of these ends the answer and is its last token. */
  stopTokenIds: readonly number[]
  /** An answer ends where its text contains one of these. */
  stopStrings?: readonly string[] | undefined
  /** Whether to return log-probabilities. Default true. */
  logprobs?: boolean | undefined
  /** Also return this many most likely tokens at each place. Default 0. */
  topLogprobs?: number | undefined
  /** The answer is JSON of this schema: only tokens that can go on with it are drawn. Cut by `maxTokens` it is not whole. */
  jsonSchema?: { readonly [key: string]: JsonValue } | undefined
}

/** A token and its log-probability at temperature 1, nats. */
export interface TokenLogprob {
  token: number
  logprob: number
}

/** A token as it is drawn. */
export interface DrawnToken extends TokenLogprob {
  /** The most likely tokens at its place, most likely first, when asked for. */
  topLogprobs?: TokenLogprob[]
}

export interface TokenEvent extends DrawnToken {
  /** Which request of the call, and which of its answers. */
  request: number
  sample: number
}

export type FinishReason = 'stop' | 'length'

export interface SampledSequence {
  /** Sampled ids, the stop token included. */
  tokens: number[]
  /** Log-probability of each token at temperature 1 without top-k or top-p, nats; empty when not asked for. */
  logprobs: number[]
  finishReason: FinishReason
  /** The most likely tokens at each place, most likely first, when asked for. */
  topLogprobs?: TokenLogprob[][]
  /** The stop string that ended the answer, if one did. */
  stopString?: string
}

/** Why a request cannot be served, as one line; undefined when it can. */
export function requestProblem(request: SampleRequest, vocabSize: number, contextLength: number): string | undefined {
  return promptProblem(request.promptTokens, vocabSize, contextLength) ?? settingsProblem(request)
}

function promptProblem(tokens: readonly number[], vocabSize: number, contextLength: number): string | undefined {
  if (tokens.length === 0) return 'the prompt is empty'
  if (tokens.length >= contextLength) {
    return `the prompt has ${tokens.length} tokens and the model's context is ${contextLength}: no room for an answer`
  }
  const foreign = tokens.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize)
  return foreign === undefined ? undefined : `the prompt holds token ${foreign}; the vocabulary has ${vocabSize}`
}

function settingsProblem(request: SampleRequest): string | undefined {
  const { samples, maxTokens, temperature, topP, topK, topLogprobs = 0 } = request
  const rules: [boolean, string][] = [
    [Number.isInteger(samples) && samples >= 1, `samples must be a whole number of at least 1, not ${samples}`],
    [Number.isInteger(maxTokens) && maxTokens >= 1, `maxTokens must be a whole number of at least 1, not ${maxTokens}`],
    [temperature >= 0 && temperature < Infinity, `temperature must be 0 or more, not ${temperature}`],
    [topP > 0 && topP <= 1, `topP must lie in (0, 1], not ${topP}`],
    [Number.isInteger(topK) && topK >= 0, `topK must be a whole number of at least 0, not ${topK}`],
    [
      Number.isInteger(topLogprobs) && topLogprobs >= 0,
      `topLogprobs must be a whole number of at least 0, not ${topLogprobs}`,
    ],
  ]
  return rules.find(([holds]) => !holds)?.[1]
}
