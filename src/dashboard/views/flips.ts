/** What two orders of the same two answers say of the judge: does its word hold when they change places? Pure. */
import type { Comparison, Example } from '../../records/index.ts'

/** `undecided`: even in at least one order. `void`: one of the orders could not be had. */
export type OrderVerdict = 'holds' | 'flips' | 'undecided' | 'void'

/** Scores of comparisons are shares of wins (0 to 1, even at ½) or rating differences (−10 to 10, even at 0). */
export function evenAt(comparisons: readonly Comparison[], mode?: string): number {
  if (mode !== undefined) return mode === 'anchored' ? 0 : 0.5
  // Untold: only differences leave 0 to 1.
  const isShare = (value: unknown): boolean => typeof value !== 'number' || (value >= 0 && value <= 1)
  return comparisons.every(({ shownFirst, shownSecond }) => isShare(shownFirst) && isShare(shownSecond)) ? 0.5 : 0
}

export function orderVerdict({ shownFirst, shownSecond }: Comparison, even: number): OrderVerdict {
  if (typeof shownFirst !== 'number' || typeof shownSecond !== 'number') return 'void'
  const product = Math.sign(shownFirst - even) * Math.sign(shownSecond - even)
  return product > 0 ? 'holds' : product < 0 ? 'flips' : 'undecided'
}

/** Comparisons with a word in both orders, and how many of them flip. */
export function countFlips({ comparisons = [] }: Example, mode?: string): { compared: number; flips: number } {
  const even = evenAt(comparisons, mode)
  const verdicts = comparisons.map((comparison) => orderVerdict(comparison, even))
  return {
    compared: verdicts.filter((verdict) => verdict === 'holds' || verdict === 'flips').length,
    flips: verdicts.filter((verdict) => verdict === 'flips').length,
  }
}
