/** What two orders of the same two answers say of the judge: does its word hold when they change places? Pure. */
import type { Comparison, Config, Example } from '../../records/index.ts'

export type ScoringMode = Config['scoring']['mode']

/** `undecided`: even in at least one order. `void`: one of the orders could not be had. */
export type OrderVerdict = 'holds' | 'flips' | 'undecided' | 'void'

/**
 * Scores of comparisons are shares of wins (0 to 1, even at ½) or rating differences (−10 to 10, even at 0): the numbers do not
 * tell which, as differences may all lie between 0 and 1.
 */
export function evenAt(mode: ScoringMode): number {
  return mode === 'anchored' ? 0 : 0.5
}

export function orderVerdict({ shownFirst, shownSecond }: Comparison, even: number): OrderVerdict {
  if (typeof shownFirst !== 'number' || typeof shownSecond !== 'number') return 'void'
  const product = Math.sign(shownFirst - even) * Math.sign(shownSecond - even)
  return product > 0 ? 'holds' : product < 0 ? 'flips' : 'undecided'
}

/** Comparisons with a word in both orders, and how many of them flip; none where the mode is not known. */
export function countFlips(
  { comparisons = [] }: Example,
  mode: ScoringMode | null,
): { compared: number; flips: number } {
  if (mode === null) return { compared: 0, flips: 0 }
  const even = evenAt(mode)
  const verdicts = comparisons.map((comparison) => orderVerdict(comparison, even))
  return {
    compared: verdicts.filter((verdict) => verdict === 'holds' || verdict === 'flips').length,
    flips: verdicts.filter((verdict) => verdict === 'flips').length,
  }
}
