/** Answers of the engine in the shapes that OpenAI's clients read. Knows no HTTP. */
import type { FinishReason, Generation, TokenEvent, TokenLogprob, Tokenizer } from '../engine/index.ts'
import type { Job } from './jobs.ts'

/** What is the same in every reply and chunk of one request. */
export interface Envelope {
  readonly id: string
  readonly created: number
  readonly model: string
}

interface Choice {
  readonly index: number
  readonly generation: Generation
  readonly promptTokens: readonly number[]
}

/** All answers in the order of prompts, then of samples. */
export function choicesOf(job: Job, answers: readonly (readonly Generation[])[]): Choice[] {
  return answers
    .flatMap((list, i) => list.map((generation) => ({ generation, promptTokens: job.requests[i]?.promptTokens ?? [] })))
    .map((choice, index) => ({ index, ...choice }))
}

export function chatReply(envelope: Envelope, job: Job, choices: readonly Choice[], tokenizer: Tokenizer): object {
  return {
    ...envelope,
    object: 'chat.completion',
    choices: choices.map(({ index, generation, promptTokens }) => ({
      index,
      message: { role: 'assistant', content: generation.text },
      finish_reason: generation.finishReason,
      logprobs: chatLogprobs(job, generation, tokenizer),
      ...tokenIds(job, promptTokens, generation),
    })),
    usage: usageOf(job, choices),
  }
}

export function completionReply(
  envelope: Envelope,
  job: Job,
  choices: readonly Choice[],
  tokenizer: Tokenizer,
): object {
  return {
    ...envelope,
    object: 'text_completion',
    choices: choices.map(({ index, generation, promptTokens }) => ({
      index,
      text: generation.text,
      finish_reason: generation.finishReason,
      logprobs: textLogprobs(job, tokensOf(generation), tokenizer),
      ...tokenIds(job, promptTokens, generation),
    })),
    usage: usageOf(job, choices),
  }
}

/** Every prompt counts once, whatever number of answers it has. */
export function usageOf(job: Job, choices: readonly Choice[]): object {
  const prompt = job.requests.reduce((sum, { promptTokens }) => sum + promptTokens.length, 0)
  const completion = choices.reduce((sum, { generation }) => sum + generation.tokens.length, 0)
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion }
}

/** A piece of one answer while it is written; the first has no text, the last has a finish reason. */
export interface Piece {
  readonly index: number
  readonly text: string
  readonly finishReason: FinishReason | null
  readonly tokens: readonly LiveToken[]
  /** Characters of the answer's tokens before these. */
  readonly offset: number
}

type LiveToken = Omit<TokenEvent, 'request' | 'sample'>

export function chatChunk(envelope: Envelope, job: Job, piece: Piece, tokenizer: Tokenizer, first: boolean): object {
  const content = piece.text === '' ? {} : { content: piece.text }
  return {
    ...envelope,
    object: 'chat.completion.chunk',
    choices: [
      {
        index: piece.index,
        delta: first ? { role: 'assistant', content: '' } : content,
        finish_reason: piece.finishReason,
        logprobs:
          job.topLogprobs === undefined
            ? null
            : { content: piece.tokens.map((t) => shown(t, tokenizer, t.topLogprobs ?? [])) },
      },
    ],
  }
}

export function completionChunk(envelope: Envelope, job: Job, piece: Piece, tokenizer: Tokenizer): object {
  const { index, text, finishReason, tokens, offset } = piece
  return {
    ...envelope,
    object: 'text_completion',
    choices: [{ index, text, finish_reason: finishReason, logprobs: textLogprobs(job, tokens, tokenizer, offset) }],
  }
}

function chatLogprobs(job: Job, generation: Generation, tokenizer: Tokenizer): object | null {
  if (job.topLogprobs === undefined) return null
  return { content: tokensOf(generation).map((token) => shown(token, tokenizer, token.topLogprobs ?? [])) }
}

function shown({ token, logprob }: TokenLogprob, tokenizer: Tokenizer, top: readonly TokenLogprob[]): object {
  return {
    ...describe({ token, logprob }, tokenizer),
    top_logprobs: top.map((candidate) => describe(candidate, tokenizer)),
  }
}

function describe({ token, logprob }: TokenLogprob, tokenizer: Tokenizer): object {
  const text = tokenText(token, tokenizer)
  return { token: text, logprob, bytes: [...new TextEncoder().encode(text)] }
}

function tokensOf({ tokens, logprobs, topLogprobs = [] }: Generation): LiveToken[] {
  return tokens.map((token, t) => ({ token, logprob: logprobs[t] ?? Number.NaN, topLogprobs: topLogprobs[t] ?? [] }))
}

function textLogprobs(job: Job, tokens: readonly LiveToken[], tokenizer: Tokenizer, start = 0): object | null {
  if (job.topLogprobs === undefined) return null
  const texts = tokens.map(({ token }) => tokenText(token, tokenizer))
  let offset = start
  const offsets = texts.map((text) => (offset += text.length) - text.length)
  return {
    tokens: texts,
    token_logprobs: tokens.map(({ logprob }) => logprob),
    text_offset: offsets,
    top_logprobs: tokens.map(({ topLogprobs = [] }) =>
      Object.fromEntries(topLogprobs.map(({ token, logprob }) => [tokenText(token, tokenizer), logprob])),
    ),
  }
}

export function tokenText(token: number, tokenizer: Tokenizer): string {
  return tokenizer.decode([token], { skipSpecialTokens: false })
}

function tokenIds(job: Job, promptTokens: readonly number[], generation: Generation): object {
  return job.returnTokenIds ? { prompt_token_ids: promptTokens, token_ids: generation.tokens } : {}
}
