/** A reply that is sent while it is written: server-sent events of one request, in OpenAI's chunks. */
import type { ServerResponse } from 'node:http'
import type { Generation, TokenEvent, Tokenizer } from '../engine/index.ts'
import { EventStream } from './http.ts'
import type { Job } from './jobs.ts'
import { LiveText } from './live-text.ts'
import { chatChunk, choicesOf, completionChunk, tokenText, usageOf, type Envelope, type Piece } from './replies.ts'

export type Kind = 'chat' | 'completion'

export interface LiveReplyContext {
  readonly kind: Kind
  readonly job: Job
  readonly envelope: Envelope
  readonly tokenizer: Tokenizer
}

interface LiveChoice {
  readonly text: LiveText
  /** Characters of the tokens so far. */
  offset: number
}

export class LiveReply {
  private readonly context: LiveReplyContext
  private readonly response: ServerResponse
  private readonly choices = new Map<number, LiveChoice>()
  private events: EventStream | undefined

  constructor(context: LiveReplyContext, response: ServerResponse) {
    this.context = context
    this.response = response
  }

  token({ request, sample, ...drawn }: TokenEvent): void {
    const { job, tokenizer } = this.context
    const index = request * this.samples + sample
    const choice = this.choice(index)
    const text = choice.text.add(drawn.token)
    if (text !== '' || job.topLogprobs !== undefined) {
      this.emit({ index, text, finishReason: null, tokens: [drawn], offset: choice.offset })
    }
    choice.offset += tokenText(drawn.token, tokenizer).length
  }

  /** What is left of each answer, its finish reason, and the usage where it is asked for. */
  finish(answers: readonly (readonly Generation[])[]): void {
    const { kind, job, envelope } = this.context
    const choices = choicesOf(job, answers)
    for (const { index, generation } of choices) {
      const { text, offset } = this.choice(index)
      const rest = text.finish(generation.text)
      this.emit({ index, text: rest, finishReason: generation.finishReason, tokens: [], offset })
    }
    const object = kind === 'chat' ? 'chat.completion.chunk' : 'text_completion'
    if (job.includeUsage) this.events?.event({ ...envelope, object, choices: [], usage: usageOf(job, choices) })
    this.events?.end()
  }

  private get samples(): number {
    return this.context.job.requests[0]?.samples ?? 1
  }

  private choice(index: number): LiveChoice {
    const known = this.choices.get(index)
    if (known !== undefined) return known
    const { kind, job, tokenizer } = this.context
    if (kind === 'chat') this.emit({ index, text: '', finishReason: null, tokens: [], offset: 0 }, true)
    const { stopStrings = [] } = job.requests[Math.floor(index / this.samples)] ?? {}
    const choice = { text: new LiveText((ids) => tokenizer.decode(ids), stopStrings), offset: 0 }
    this.choices.set(index, choice)
    return choice
  }

  private emit(piece: Piece, first = false): void {
    const { kind, job, envelope, tokenizer } = this.context
    // Only now is it certain that the engine took the request, so that an error could not have its own status.
    this.events ??= new EventStream(this.response)
    const chunk = kind === 'chat' ? chatChunk : completionChunk
    this.events.event(chunk(envelope, job, piece, tokenizer, first))
  }
}
