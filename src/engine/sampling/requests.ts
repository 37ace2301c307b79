/** What is asked of the sampler and what it gives back. */

/** One prompt, `samples` independent answers. */
export interface SampleRequest {
  /** Token ids of the prompt, at least one. */
  promptTokens: readonly number[]
  samples: number
  /** Sample i draws from the stream of (seed, i) alone, whatever else is in the batch. */
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
}

export type FinishReason = 'stop' | 'length'

export interface SampledSequence {
  /** Sampled ids, the stop token included. */
  tokens: number[]
  /** Log-probability of each token at temperature 1 without top-k or top-p, nats; empty when not asked for. */
  logprobs: number[]
  finishReason: FinishReason
  /** The stop string that ended the answer, if one did. */
  stopString?: string
}

/** What a request cannot be, as one line; undefined when it is in order. */
export function requestProblem(request: SampleRequest, vocabSize: number, contextLength: number): string | undefined {
  const { promptTokens, samples, temperature, topP, topK, maxTokens } = request
  if (promptTokens.length === 0) return 'the prompt is empty'
  if (promptTokens.length >= contextLength) {
    return `the prompt has ${promptTokens.length} tokens and the model's context is ${contextLength}: nothing could be answered`
  }
  const foreign = promptTokens.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize)
  if (foreign !== undefined) return `the prompt holds token ${foreign}; the vocabulary has ${vocabSize}`
  if (!Number.isInteger(samples) || samples < 1) return `samples must be a whole number of at least 1, not ${samples}`
  if (!Number.isInteger(maxTokens) || maxTokens < 1) return `maxTokens must be a whole number of at least 1, not ${maxTokens}`
  if (!(temperature >= 0 && temperature < Infinity)) return `temperature must be 0 or more, not ${temperature}`
  if (!(topP > 0 && topP <= 1)) return `topP must lie in (0, 1], not ${topP}`
  if (!Number.isInteger(topK) || topK < 0) return `topK must be a whole number of at least 0, not ${topK}`
  return undefined
}
