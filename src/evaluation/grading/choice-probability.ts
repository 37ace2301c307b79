/** Which of two the judge names by its number, and how sure it is where log-probs are had. Pure, linear. */
import type { Generation, NumberChoice } from '../../records/index.ts'
import { finalReply } from './final-reply.ts'

export interface Choice {
  /** Probability of the second: from the log-probs of `1` and `2`, else 0 or 1. */
  readonly second: number
  readonly weighted: boolean
}

/** Null where the reply is cut off, or does not name one number and no other after its reasoning. */
export function readChoice(reply: Generation): Choice | null {
  const said = finalReply(reply)
  const [only, ...others] = [...(said ?? '').matchAll(/\d+/g)]
  if (said === null || only === undefined || others.length > 0) return null
  const offset = reply.text.length - said.length + only.index
  const second = secondByLogprobs(reply.numbers?.find((number) => number.offset === offset))
  if (second !== null) return { second, weighted: true }
  const [name] = only
  return name === '1' || name === '2' ? { second: Number(name) - 1, weighted: false } : null
}

/** A number that is not among the likeliest has no probability; null where neither is. */
function secondByLogprobs(number: NumberChoice | undefined): number | null {
  const { '1': first, '2': second } = number?.logprobs ?? {}
  if (first === undefined && second === undefined) return null
  return 1 / (1 + Math.exp((first ?? Number.NEGATIVE_INFINITY) - (second ?? Number.NEGATIVE_INFINITY)))
}
