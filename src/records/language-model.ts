/**
 * The interface to anything that answers chats: a server, the embedded engine, a script in a test.
 * It lives with the records because every room that talks to a model, or hands one on, shares it; `llm/` implements it.
 */
import { z } from 'zod'

export const chatMessageSchema = z.strictObject({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string(),
})
export type ChatMessage = z.infer<typeof chatMessageSchema>

/** One prompt, n samples. */
export interface GenerateRequest {
  readonly messages: readonly ChatMessage[]
  /** Number of samples. */
  readonly n: number
  /** 0 is greedy. */
  readonly temperature: number
  readonly topP: number
  /** 0 or absent: off. */
  readonly topK?: number
  readonly maxTokens: number
  /** Sample i draws from the stream (seed, i), whatever else the model is doing. */
  readonly seed: number
  readonly stop?: readonly string[]
}

/** `stop`: ended by itself. `length`: cut by `maxTokens` or the context. */
export type FinishReason = 'stop' | 'length' | 'other'

export interface Usage {
  readonly promptTokens: number
  readonly completionTokens: number
}

export interface Generation {
  readonly text: string
  readonly finishReason: FinishReason
  /** Token ids and log-probs (nats, untempered) of the sample, where the model gives them. */
  readonly tokens?: readonly number[]
  readonly logprobs?: readonly number[]
  /** The prompt is counted once per request: on the first generation, 0 on its siblings. */
  readonly usage: Usage
}

/** Something that answers chats. Rejects with `EndpointError` when it cannot; returns exactly `request.n` generations. */
export interface LanguageModel {
  /** Which weights answer, for the records (`name@round-1`, a server's model name). */
  readonly name: string
  generate(request: GenerateRequest, signal?: AbortSignal): Promise<Generation[]>
}
