/** Reads the scorer's reply: `<evaluation>` with `criterion_k -> {name, thoughts, rating}`. */
import type { CriterionRating, ParseFailure, ParseResult } from '../../records/index.ts'
import { parseCriteria, type CriteriaFormat } from './criteria-json.ts'
import { hasExactKeys, type KeyedItem } from './criteria.ts'
import { lenientNumber, lenientText, noteExtraKeys, textOr } from './fields.ts'
import { finite } from './number.ts'
import type { ParseOptions, Repair } from './options.ts'

const FIELDS = ['name', 'thoughts', 'rating']

const format: CriteriaFormat<CriterionRating> = {
  tag: 'evaluation',
  valueKey: 'rating',
  mayBeEmpty: true,
  published: readPublished,
  lenient: readLenient,
}

/**
 * The ratings in the order written, as the judge wrote them: a rating outside 0–2 stays in the record, so that it can be
 * seen and counted; `scoreEvaluation` clamps it. A rating that is no number is `badNumber`, never 0.
 */
export function parseEvaluation(text: string, options: ParseOptions = {}): ParseResult<CriterionRating[]> {
  return parseCriteria(text, format, options)
}

function readPublished({ key, fields }: KeyedItem): CriterionRating | ParseFailure {
  if (!hasExactKeys(fields, FIELDS)) return 'badShape'
  const name = Object.hasOwn(fields, 'name') ? fields['name'] : key
  const thoughts = fields['thoughts']
  if (typeof name !== 'string' || typeof thoughts !== 'string') return 'badShape'
  const rating = typeof fields['rating'] === 'number' ? finite(fields['rating']) : undefined
  return rating === undefined ? 'badNumber' : { name, thoughts, rating }
}

function readLenient({ key, fields }: KeyedItem, repairs: Repair[]): CriterionRating | ParseFailure {
  noteExtraKeys(fields, FIELDS, repairs)
  const name = fields['name'] === undefined || fields['name'] === null ? key : lenientText(fields['name'], repairs)
  const thoughts = textOr('', fields['thoughts'], repairs)
  if (name === undefined || thoughts === undefined) return 'badShape'
  if (!Object.hasOwn(fields, 'rating')) return 'badShape'
  const rating = lenientNumber(fields['rating'], true, repairs)
  return rating === undefined ? 'badNumber' : { name, thoughts, rating }
}
