/**
 * A judge asked until its reply can be read: a failed call or an unreadable reply is tried again, then recorded, and is
 * never a score. Knows no benchmark.
 */
import { EndpointError } from '../core/errors.ts'
import { deriveSeed } from '../core/rng.ts'
import type { ChatMessage, Generation, LanguageModel, SuiteFailure } from '../records/index.ts'
import type { GraderTools } from './question-suite.ts'

const ATTEMPTS = 3
/** A greedy judge repeats itself: later attempts are sampled. */
const RETRY_TEMPERATURE = 0.5

export interface JudgeQuestion<T> {
  readonly judge: LanguageModel
  readonly messages: readonly ChatMessage[]
  readonly maxTokens: number
  /** Ask for the log-probs of numbers; for judges whose abilities say so. */
  readonly numberLogprobs?: boolean
  /** What the reply says; null when it cannot be read. Never throws. */
  readonly parse: (reply: Generation) => T | null
}

/** The judge's verdict; null when no attempt gave one, which `tools.fail` was then told. */
export async function askJudge<T>(question: JudgeQuestion<T>, tools: GraderTools, name: string): Promise<T | null> {
  const key = `${tools.key}/${name}`
  let failure: Pick<SuiteFailure, 'reason' | 'message'> = { reason: 'unreadable', message: 'no reply' }
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const reply = await attemptOnce(question, tools, `${key}/a${attempt}`, attempt)
    if (reply instanceof EndpointError) {
      failure = { reason: 'callFailed', message: reply.message }
      continue
    }
    const verdict = question.parse(reply)
    if (verdict !== null) return verdict
    failure = { reason: 'unreadable', message: `the judge's reply could not be read: ${reply.text.slice(0, 120)}` }
  }
  tools.fail({ key, by: 'judge', ...failure })
  return null
}

async function attemptOnce<T>(
  { judge, messages, maxTokens, numberLogprobs = false }: JudgeQuestion<T>,
  { context }: GraderTools,
  key: string,
  attempt: number,
): Promise<Generation | EndpointError> {
  const temperature = attempt === 0 ? 0 : RETRY_TEMPERATURE
  const asked = { messages, n: 1, temperature, topP: 1, maxTokens, seed: deriveSeed(context.seed, key) }
  const request = numberLogprobs ? { ...asked, numberLogprobs } : asked
  try {
    const [reply] = await context.call(key, judge, request)
    return reply ?? new EndpointError(`${judge.name} gave no answer`, { retryable: false })
  } catch (error) {
    if (error instanceof EndpointError) return error
    throw error
  }
}
