/** One answer while it is being sampled. Knows the request, not the cache row it sits in. */
import { rng } from '../../core/rng.ts'
import { chooseToken, mostLikely, restrict } from './choose.ts'
import type { Rng } from '../../core/rng.ts'
import type { TokenMask } from '../constraint/index.ts'
import type { DrawnToken, FinishReason, SampleRequest, SampledSequence, TokenLogprob } from './requests.ts'

export interface SequenceContext {
  /** The model's; prompt and answer together do not exceed it. */
  readonly contextLength: number
  readonly decode: Decode | undefined
  readonly constraint: TokenMask | undefined
}

/** Turns token ids into text, for stop strings. */
export type Decode = (tokens: readonly number[]) => string

export class ActiveSequence {
  readonly request: SampleRequest
  readonly tokens: number[] = []
  /** Tokens whose keys and values are in the cache. */
  cached: number
  private readonly logprobs: number[] = []
  private readonly topLogprobs: TokenLogprob[][] = []
  private readonly random: Rng
  private readonly limit: number
  private readonly decode: Decode | undefined
  private readonly constraint: TokenMask | undefined
  private constraintState: number
  private finishReason: FinishReason | undefined
  private stopString: string | undefined

  constructor(request: SampleRequest, index: number, { contextLength, decode, constraint }: SequenceContext) {
    this.request = request
    this.constraint = constraint
    this.constraintState = constraint?.start ?? 0
    this.cached = request.promptTokens.length
    this.random = rng(request.seed, 'sample', index)
    this.limit = Math.min(request.maxTokens, contextLength - request.promptTokens.length)
    this.decode = decode
  }

  get lastToken(): number {
    return this.tokens.at(-1) ?? 0
  }

  get finished(): boolean {
    return this.finishReason !== undefined
  }

  /** Draws the next token from the two rows of [V], returns it, and decides whether the answer is complete. */
  advance(logprobs: Float32Array, probabilities: Float32Array): DrawnToken {
    const { request } = this
    const token = this.draw(logprobs, probabilities)
    this.tokens.push(token)
    const logprob = logprobs[token] ?? NaN
    if (request.logprobs !== false) this.logprobs.push(logprob)
    const { topLogprobs: wanted = 0 } = request
    const top = wanted > 0 ? mostLikely(logprobs, wanted) : undefined
    if (top !== undefined) this.topLogprobs.push(top)
    this.stopString = this.findStopString()
    if (request.stopTokenIds.includes(token) || this.stopString !== undefined) this.finishReason = 'stop'
    else if (this.tokens.length >= this.limit) this.finishReason = 'length'
    return top === undefined ? { token, logprob } : { token, logprob, topLogprobs: top }
  }

  private draw(logprobs: Float32Array, probabilities: Float32Array): number {
    const { request, constraint } = this
    const uniform = request.temperature === 0 ? 0 : this.random.uniform()
    if (constraint === undefined) return chooseToken(logprobs, probabilities, request, uniform)
    const allowed = constraint.allowed(this.constraintState, request.stopTokenIds)
    const [chances, weights] = restrict(logprobs, probabilities, allowed)
    const token = chooseToken(chances, weights, request, uniform)
    this.constraintState = constraint.next(this.constraintState, token)
    return token
  }

  result(): SampledSequence {
    return {
      tokens: this.tokens,
      logprobs: this.logprobs,
      finishReason: this.finishReason ?? 'length',
      ...(this.stopString === undefined ? {} : { stopString: this.stopString }),
      ...(this.topLogprobs.length === 0 ? {} : { topLogprobs: this.topLogprobs }),
    }
  }

  /** Looks only at the end of the text: a stop string of n characters spans at most n tokens that bear characters. */
  private findStopString(): string | undefined {
    const stops = this.request.stopStrings ?? []
    if (stops.length === 0 || this.decode === undefined) return undefined
    const longest = Math.max(...stops.map((stop) => new TextEncoder().encode(stop).length))
    const tail = this.decode(this.tokens.slice(-(longest + 4)))
    return stops.find((stop) => stop.length > 0 && tail.includes(stop))
  }
}
