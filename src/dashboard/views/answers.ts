/** A question's answers beside each other: their order, and what the judge said of each criterion. Pure. */
import type { Candidate, CriterionRating } from '../../records/index.ts'
import { scoreOf } from './rows.ts'

/** Those without a score come last, however low the others are. */
export function bestFirst(candidates: readonly Candidate[]): Candidate[] {
  const rank = (candidate: Candidate): number => scoreOf(candidate)[0] ?? -Infinity
  const compare = (a: Candidate, b: Candidate): number => (rank(a) === rank(b) ? a.index - b.index : rank(b) - rank(a))
  return [...candidates].sort(compare)
}

/** The judge's ratings of a criterion; of several the last counts. Capitals and white space around a name do not. */
export function ratingsOf({ evaluation }: Candidate, name: string): CriterionRating[] {
  const plain = (text: string): string => text.trim().toLowerCase()
  return (evaluation ?? []).filter((one) => plain(one.name) === plain(name))
}
