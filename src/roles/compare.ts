/**
 * Scores of answers that were held against each other: every two of them (pairwise), or each against one anchor. Pure; the
 * judge's words come in as numbers in favour of the first answer. Method: arXiv 2604.20051.
 */
import type { Comparison, ComparisonOutcome, Score, UnscoredReason } from '../records/index.ts'

/** An answer that takes part, with its candidate's `index`. */
export interface Contestant {
  readonly index: number
  readonly answer: string
}

/** What identical texts get without a call. */
const EQUAL = { pairwise: 0.5, anchored: 0 } as const

/** Every two contestants once, the earlier one first. */
export function allPairs<T>(contestants: readonly T[]): [first: T, second: T][] {
  return contestants.flatMap((first, i) => contestants.slice(i + 1).map((second): [T, T] => [first, second]))
}

/** The answer that the others are held against: index ⌊n/2⌋ by length in characters (code points), equal lengths in order. */
export function medianAnchor(contestants: readonly Contestant[]): Contestant | undefined {
  const measured = contestants.map((contestant) => ({ contestant, length: Array.from(contestant.answer).length }))
  measured.sort((a, b) => a.length - b.length)
  return measured[Math.floor(measured.length / 2)]?.contestant
}

/** Two identical texts: no judge could tell them apart, so none is asked. */
export function equalComparison(first: number, second: number, mode: keyof typeof EQUAL): Comparison {
  const value = EQUAL[mode]
  return { first, second, shownFirst: value, shownSecond: value, value }
}

/** Both orders averaged. Void when either is missing: one order alone would carry the judge's liking for a place. */
export function comparisonOf(
  first: number,
  second: number,
  shownFirst: ComparisonOutcome,
  shownSecond: ComparisonOutcome,
): Comparison {
  const both = typeof shownFirst === 'number' && typeof shownSecond === 'number'
  return { first, second, shownFirst, shownSecond, value: both ? (shownFirst + shownSecond) / 2 : null }
}

/** Pairwise: a candidate's mean over its valid comparisons, 0 (lost all) to 1 (won all); unscored when all are void. */
export function pairwiseScore(index: number, comparisons: readonly Comparison[]): Score {
  const own = comparisons.filter(({ first, second }) => first === index || second === index)
  const values = own.flatMap(({ first, value }) => (value === null ? [] : [first === index ? value : 1 - value]))
  if (values.length === 0) return { status: 'unscored', reason: whyVoid(own) }
  return { status: 'scored', value: values.reduce((sum, value) => sum + value, 0) / values.length }
}

/**
 * Anchored: the candidate's mean difference to the anchor, −10 to 10; the anchor itself is 0, unless all comparisons are void:
 * then it was held against nothing, and a 0 would only cover the failures.
 */
export function anchoredScore(index: number, anchor: number, comparisons: readonly Comparison[]): Score {
  if (index === anchor) {
    const isHeld = comparisons.some(({ value }) => value !== null)
    return isHeld ? { status: 'scored', value: EQUAL.anchored } : { status: 'unscored', reason: whyVoid(comparisons) }
  }
  const own = comparisons.filter(({ first }) => first === index)
  const value = own[0]?.value ?? null
  return value === null ? { status: 'unscored', reason: whyVoid(own) } : { status: 'scored', value }
}

/** The first reason there is: what went wrong with the candidate's comparisons. */
function whyVoid(comparisons: readonly Comparison[]): UnscoredReason {
  const outcomes = comparisons.flatMap(({ shownFirst, shownSecond }) => [shownFirst, shownSecond])
  return outcomes.find((outcome) => typeof outcome !== 'number') ?? 'callFailed'
}
