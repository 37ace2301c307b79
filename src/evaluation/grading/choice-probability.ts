/** Which of two the judge names by its number, and how sure it is where log-probs are had. Pure, linear. */
import type { Generation } from '../../records/index.ts'
import { afterReasoning } from './final-reply.ts'

export interface Choice {
  /** Probability of the second: from the log-probs of `1` and `2`, else 0 or 1. */
  readonly second: number
  readonly weighted: boolean
}

/** Null where the reply does not end in a choice of 1 or 2. */
export function readChoice(reply: Generation): Choice | null {
  const logprobs = reply.numbers?.at(-1)?.logprobs
  const [first, second] = [logprobs?.['1'], logprobs?.['2']]
  if (first !== undefined || second !== undefined) {
    const odds = Math.exp((first ?? Number.NEGATIVE_INFINITY) - (second ?? Number.NEGATIVE_INFINITY))
    return { second: 1 / (1 + odds), weighted: true }
  }
  if (reply.finishReason === 'length') return null
  const numbers = afterReasoning(reply.text).match(/\d+/g) ?? []
  const [only] = numbers
  return numbers.length === 1 && (only === '1' || only === '2') ? { second: Number(only) - 1, weighted: false } : null
}
