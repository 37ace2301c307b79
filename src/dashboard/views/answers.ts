/** A question's answers beside each other: their order, and what the judge said of each criterion. Pure. */
import type { Candidate, CriterionRating } from '../../records/index.ts'
import { scoreOf } from './rows.ts'
import type { AnswerPair } from './wire.ts'

/** Those without a score come last, however low the others are. */
export function bestFirst(candidates: readonly Candidate[]): Candidate[] {
  const rank = (candidate: Candidate): number => scoreOf(candidate)[0] ?? -Infinity
  const compare = (a: Candidate, b: Candidate): number => (rank(a) === rank(b) ? a.index - b.index : rank(b) - rank(a))
  return [...candidates].sort(compare)
}

/** On which side of a pair an answer is. */
export function sideOf(index: number, pairs: readonly AnswerPair[]): 'chosen' | 'rejected' | undefined {
  const pair = pairs.find(({ chosen, rejected }) => index === chosen || index === rejected)
  return pair === undefined ? undefined : pair.chosen === index ? 'chosen' : 'rejected'
}

/** The judge's ratings of a criterion; of several the last counts. Capitals and white space around a name do not. */
export function ratingsOf({ evaluation }: Candidate, name: string): CriterionRating[] {
  const plain = (text: string): string => text.trim().toLowerCase()
  return (evaluation ?? []).filter((one) => plain(one.name) === plain(name))
}
