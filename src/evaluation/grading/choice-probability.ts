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
  const second = secondByLogprobs(reply)
  if (second !== null) return { second, weighted: true }
  if (reply.finishReason === 'length') return null
  const numbers = afterReasoning(reply.text).match(/\d+/g) ?? []
  const [only] = numbers
  return numbers.length === 1 && (only === '1' || only === '2') ? { second: Number(only) - 1, weighted: false } : null
}

/** A number that is not among the likeliest has no probability; null where neither is. */
function secondByLogprobs({ numbers }: Generation): number | null {
  const { '1': first, '2': second } = numbers?.at(-1)?.logprobs ?? {}
  if (first === undefined && second === undefined) return null
  return 1 / (1 + Math.exp((first ?? Number.NEGATIVE_INFINITY) - (second ?? Number.NEGATIVE_INFINITY)))
}
