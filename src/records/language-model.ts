/**
 * The interface to anything that answers chats: a server, the embedded engine, a script in a test.
 * It lives with the records because every room that talks to a model, or hands one on, shares it; `llm/` implements it.
 */
import { z } from 'zod'
import type { Capacity } from '../core/concurrency.ts'
import type { JsonValue } from '../core/json.ts'

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
  /** The reply shall be JSON of this shape; for models whose `abilities` say so, and a server may still not keep it. */
  readonly responseFormat?: ResponseFormat
  /** Also give `numbers`; for models whose `abilities` say so. */
  readonly numberLogprobs?: boolean
}

/** A JSON schema, and a name for it of letters, digits and `_`. */
export interface ResponseFormat {
  readonly name: string
  readonly schema: { readonly [key: string]: JsonValue }
}

/** `stop`: ended by itself. `length`: cut by `maxTokens` or the context. `refusal`: the model or its server declined. */
export type FinishReason = 'stop' | 'length' | 'refusal' | 'other'

/** A place of the text where a whole number was sampled as one token, and what else could have stood there. */
export const numberChoiceSchema = z.strictObject({
  /** Where the digits begin in `text`, in UTF-16 units. */
  offset: z.int(),
  /** Log-prob (nats) of each number among the likeliest tokens, the sampled one included. */
  logprobs: z.record(z.string(), z.number()),
})
export type NumberChoice = z.infer<typeof numberChoiceSchema>

export interface Usage {
  readonly promptTokens: number
  readonly completionTokens: number
}

export interface Generation {
  readonly text: string
  readonly finishReason: FinishReason
  /** Token ids and log-probs (nats, untempered) of the sample, where the model gives them. */
  readonly tokens?: readonly number[] | undefined
  readonly logprobs?: readonly number[] | undefined
  /** Where `numberLogprobs` asked for them and the model gives them, in the order of the text. */
  readonly numbers?: readonly NumberChoice[] | undefined
  /** The prompt is counted once per request: on the first generation, 0 on its siblings. */
  readonly usage: Usage
}

/** What helps a model serve a call well and changes nothing in its answer. */
export interface CallHints {
  /** Calls of one group share most of their prompt: they are sent to the same server, where its prefix is cached. */
  readonly group?: string
  /** Aborting ends waits (a rate limit, a back-off) at once; a request that is out comes back. */
  readonly drain?: AbortSignal
}

export interface ModelAbilities {
  readonly responseFormat?: boolean
  readonly numberLogprobs?: boolean
}

/** Something that answers chats. Rejects with `EndpointError` when it cannot; returns exactly `request.n` generations. */
export interface LanguageModel {
  /** Which weights answer, for the records (`name@round-1`, a server's model name). */
  readonly name: string
  /** What may be asked of it beyond plain texts; absent: nothing. Whether a server does it shows only when asked. */
  readonly abilities?: ModelAbilities
  /** Where it answers, for the records; without secrets. Absent: here. */
  readonly endpoint?: string
  /** What it takes at once, where it knows. Models behind one server share one capacity. */
  readonly capacity?: Capacity
  generate(request: GenerateRequest, signal?: AbortSignal, hints?: CallHints): Promise<Generation[]>
}
