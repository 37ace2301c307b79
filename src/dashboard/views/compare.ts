/** Two rounds against each other: who wins which held-out question, what moved. Pure. */
import { meanInterval } from './rows.ts'
import type { CriterionMean, HeldOutAnswer, RoundSide } from './wire.ts'

export interface ComparedQuestion {
  readonly suite: string
  readonly id: string
  readonly before: HeldOutAnswer
  readonly after: HeldOutAnswer
  /** After minus before, on 0–1; null where one of them has no score. */
  readonly change: number | null
}

export interface Verdict {
  readonly wins: number
  readonly losses: number
  readonly ties: number
  readonly unscored: number
  /** Of the change, paired by question. */
  readonly mean: { readonly mean: number; readonly low: number; readonly high: number; readonly n: number } | null
}

export interface PairedQuestions {
  /** Questions that both sides answered, the greatest change first, gains before losses. */
  readonly questions: readonly ComparedQuestion[]
  /** Ids that both sides have, but with other words or another rubric: they are not compared. */
  readonly different: number
}

export function pairQuestions(
  before: Pick<RoundSide, 'heldOut'>,
  after: Pick<RoundSide, 'heldOut'>,
  suite: string,
): PairedQuestions {
  const known = new Map(before.heldOut.filter((one) => one.suite === suite).map((one) => [one.id, one]))
  const both = after.heldOut.flatMap((one) => {
    const other = one.suite === suite ? known.get(one.id) : undefined
    if (other === undefined) return []
    const change = one.score === null || other.score === null ? null : one.score - other.score
    return [{ suite, id: one.id, before: other, after: one, change }]
  })
  const questions = both
    .filter((question) => isSame(question))
    .sort((a, b) => (b.change ?? -Infinity) - (a.change ?? -Infinity))
  return { questions, different: both.length - questions.length }
}

interface Judged {
  readonly evaluations: readonly { readonly suite: string; readonly judge: string }[]
}

/** Who judged the suite before and after, where that was not the same: the change may be the judge's. */
export function otherJudge(
  before: Judged,
  after: Judged,
  suite: string,
): readonly [before: string, after: string] | null {
  const judgeOf = ({ evaluations }: Judged): string | undefined =>
    evaluations.find((result) => result.suite === suite)?.judge
  const [first, last] = [judgeOf(before), judgeOf(after)]
  return first === undefined || last === undefined || first === last ? null : [first, last]
}

/** Of a result that kept no questions, the id is all that is known. */
function isSame({ before, after }: ComparedQuestion): boolean {
  return before.asked === undefined || after.asked === undefined || before.asked === after.asked
}

/** Equal up to rounding is a tie. */
const tie = 1e-9

export function verdict(questions: readonly ComparedQuestion[]): Verdict {
  const changes = questions.flatMap(({ change }) => change ?? [])
  return {
    wins: changes.filter((change) => change > tie).length,
    losses: changes.filter((change) => change < -tie).length,
    ties: changes.filter((change) => Math.abs(change) <= tie).length,
    unscored: questions.length - changes.length,
    mean: meanInterval(changes),
  }
}

export interface MovedCriterion {
  readonly name: string
  readonly before: CriterionMean
  readonly after: CriterionMean
  readonly change: number
}

/** Criteria of the same name, the greatest move first; those rated hardly ever say nothing. */
export function movedCriteria(before: RoundSide, after: RoundSide, fewest = 5): MovedCriterion[] {
  const known = new Map(before.criteria.map((one) => [one.name, one]))
  return after.criteria
    .flatMap((one) => {
      const other = known.get(one.name)
      if (other === undefined || Math.min(one.rated, other.rated) < fewest) return []
      return [{ name: one.name, before: other, after: one, change: one.mean - other.mean }]
    })
    .sort((a, b) => Math.abs(b.change) - Math.abs(a.change))
}

/** Share of values in each of `bins` equal bins over [from, to]; what lies outside is in the end bins. */
export function shares(values: readonly number[], from: number, to: number, bins: number): number[] {
  const counts = Array.from({ length: bins }, () => 0)
  for (const value of values) {
    const bin = Math.max(0, Math.min(bins - 1, Math.floor(((value - from) / (to - from)) * bins)))
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  return counts.map((count) => count / Math.max(1, values.length))
}
