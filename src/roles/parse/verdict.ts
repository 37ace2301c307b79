/** Reads the replies of the comparing judges (pairwise and anchored scoring). */
import type { ParseFailure, ParseResult } from '../../records/index.ts'
import { taggedText } from './answer.ts'
import { numberFromText } from './number.ts'
import { failure, success, type ParseOptions, type Repair } from './options.ts'

/** Which of the two answers, in the order shown, is better. */
export type Verdict = 'A' | 'B'

/** Ratings of the two answers in the order shown, each on 0–10. */
export interface AnchoredRatings {
  readonly ratingA: number
  readonly ratingB: number
}

const HIGHEST_RATING = 10
const SPELLED_VERDICT = /^[*"'\s]{0,8}(?:answer|response|candidate|option)?[*"'\s]{0,8}([AB])[*"'.\s]{0,8}$/i
const FRACTION = /^([^/]{1,64})\/\s{0,8}10$/

/** One `<better_answer>` with A or B. A tie or anything else is `badShape`. */
export function parseComparison(text: string, options: ParseOptions = {}): ParseResult<Verdict> {
  const found = taggedText(text, 'better_answer', options)
  if (!found.ok) return failure(found.reason)
  if (found.content === 'A' || found.content === 'B') return success(found.content, found.repairs)
  const spelled = options.dialect === 'published' ? undefined : SPELLED_VERDICT.exec(found.content)?.[1]
  if (spelled === undefined) return failure('badShape')
  return success(spelled.toUpperCase() === 'A' ? 'A' : 'B', [...found.repairs, 'verdictSpelling'])
}

/**
 * One `<rating_A>` and one `<rating_B>`, numbers on 0–10. A rating outside is `badNumber`: the published rule clamps nothing
 * here, and one judge on a scale of 100 would outweigh every other comparison.
 */
export function parseAnchoredRatings(text: string, options: ParseOptions = {}): ParseResult<AnchoredRatings> {
  const repairs: Repair[] = []
  const first = taggedRating(text, 'rating_A', options, repairs)
  if (typeof first !== 'number') return failure(first)
  const second = taggedRating(text, 'rating_B', options, repairs)
  if (typeof second !== 'number') return failure(second)
  return success({ ratingA: first, ratingB: second }, repairs)
}

function taggedRating(text: string, tag: string, options: ParseOptions, repairs: Repair[]): number | ParseFailure {
  const found = taggedText(text, tag, options)
  if (!found.ok) return found.reason
  repairs.push(...found.repairs)
  return readRating(found.content, options, repairs) ?? 'badNumber'
}

function readRating(content: string, options: ParseOptions, repairs: Repair[]): number | undefined {
  const plain = numberFromText(content)
  const fraction = plain === undefined && options.dialect !== 'published' ? FRACTION.exec(content)?.[1] : undefined
  const rating = plain ?? (fraction === undefined ? undefined : numberFromText(fraction))
  if (rating === undefined || rating < 0 || rating > HIGHEST_RATING) return undefined
  if (plain === undefined) repairs.push('verdictSpelling')
  return rating
}
