/**
 * Requests of the wire as jobs of the engine: token ids, sampling settings, and what of the answer is wanted.
 * Knows the tokenizer, not HTTP.
 */
import { answerRoom, type Engine, type SampleRequest } from '../engine/index.ts'
import type { ChatRequest, CompletionRequest } from './wire.ts'

/** What one HTTP request asks of the engine: one sample request for each prompt. */
export interface Job {
  readonly requests: readonly SampleRequest[]
  readonly stream: boolean
  readonly includeUsage: boolean
  readonly returnTokenIds: boolean
  /** Most likely tokens to show at each place; undefined: no log-probs at all. */
  readonly topLogprobs: number | undefined
}

/** OpenAI's default of text completions. */
const DEFAULT_COMPLETION_TOKENS = 16

export function chatJob(body: ChatRequest, engine: Engine, freshSeed: () => number): Job {
  const promptTokens = engine.tokenizer.encodeChat(body.messages, { addGenerationPrompt: true })
  const maxTokens = body.max_completion_tokens ?? body.max_tokens ?? answerRoom(engine.config, promptTokens.length)
  const topLogprobs = body.logprobs === true ? (body.top_logprobs ?? 0) : undefined
  const settings = { maxTokens, topLogprobs, stopTokenIds: engine.tokenizer.stopTokenIds }
  const jsonSchema = schemaOf(body.response_format)
  return job(body, [{ promptTokens, ...sampling(body, settings, freshSeed), jsonSchema }], topLogprobs)
}

export function completionJob(body: CompletionRequest, engine: Engine, freshSeed: () => number): Job {
  const topLogprobs = body.logprobs ?? undefined
  const maxTokens = body.max_tokens ?? DEFAULT_COMPLETION_TOKENS
  const settings = { maxTokens, topLogprobs, stopTokenIds: engine.tokenizer.stopTokenIds }
  const common = sampling(body, settings, freshSeed)
  const requests = promptsOf(body.prompt, engine).map((promptTokens) => ({ promptTokens, ...common }))
  return job(body, requests, topLogprobs)
}

/** What the answer must look like; undefined when anything goes. */
function schemaOf(format: ChatRequest['response_format']): SampleRequest['jsonSchema'] {
  if (format === undefined || format === null || format.type === 'text') return undefined
  if (format.type === 'json_object') return { type: 'object' }
  return format.json_schema.schema as NonNullable<SampleRequest['jsonSchema']>
}

type Body = ChatRequest | CompletionRequest

function job(body: Body, requests: readonly SampleRequest[], topLogprobs: number | undefined): Job {
  return {
    requests,
    topLogprobs,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    returnTokenIds: body.return_token_ids ?? false,
  }
}

function sampling(
  body: Body,
  {
    maxTokens,
    topLogprobs,
    stopTokenIds,
  }: Pick<Job, 'topLogprobs'> & Pick<SampleRequest, 'maxTokens' | 'stopTokenIds'>,
  freshSeed: () => number,
): Omit<SampleRequest, 'promptTokens'> {
  const stop = typeof body.stop === 'string' ? [body.stop] : (body.stop ?? [])
  return {
    samples: body.n ?? 1,
    seed: body.seed ?? freshSeed(),
    temperature: body.temperature ?? 1,
    topP: body.top_p ?? 1,
    topK: Math.max(0, body.top_k ?? 0),
    maxTokens,
    stopTokenIds,
    stopStrings: stop.filter((text) => text.length > 0),
    logprobs: topLogprobs !== undefined,
    topLogprobs: topLogprobs ?? 0,
  }
}

function promptsOf(prompt: CompletionRequest['prompt'], engine: Engine): number[][] {
  const encode = (text: string): number[] => engine.tokenizer.encode(text, { addSpecialTokens: true })
  if (typeof prompt === 'string') return [encode(prompt)]
  const [first] = prompt
  if (typeof first === 'number') return [prompt as number[]]
  return (prompt as (string | number[])[]).map((one) => (typeof one === 'string' ? encode(one) : one))
}
