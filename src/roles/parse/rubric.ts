/** Reads the rubric writer's reply: `<rubric>` with `criterion_k -> {name, gold, description, weight}`. */
import type { Criterion, ParseFailure, ParseResult } from '../../records/index.ts'
import { parseCriteria, type CriteriaFormat } from './criteria-json.ts'
import { hasExactKeys, type KeyedItem } from './criteria.ts'
import { lenientNumber, lenientText, noteExtraKeys, textOr } from './fields.ts'
import { numberOrText } from './number.ts'
import type { ParseOptions, Repair } from './options.ts'

/** The gold of a criterion that has none. */
export const NO_GOLD = 'Not applicable'

const FIELDS = ['name', 'gold', 'ground_truth', 'description', 'weight']

const format: CriteriaFormat<Criterion> = {
  tag: 'rubric',
  valueKey: 'weight',
  mayBeEmpty: false,
  published: readPublished,
  lenient: readLenient,
}

/**
 * The criteria in the order written. A missing name takes the key; `ground_truth` may stand for `gold`; a weight is a
 * finite number or numeric string, of any sign and scale (`scoreEvaluation` says what becomes of it).
 */
export function parseRubric(text: string, options: ParseOptions = {}): ParseResult<Criterion[]> {
  return parseCriteria(text, format, options)
}

function readPublished({ key, fields }: KeyedItem): Criterion | ParseFailure {
  const goldKey = Object.hasOwn(fields, 'gold') ? 'gold' : 'ground_truth'
  if (!hasExactKeys(fields, ['name', goldKey, 'description', 'weight'])) return 'badShape'
  const name = fields['name'] ?? (Object.hasOwn(fields, 'name') ? null : key)
  const gold = fields[goldKey]
  const description = fields['description']
  if (typeof name !== 'string' || typeof gold !== 'string' || typeof description !== 'string') return 'badShape'
  const weight = numberOrText(fields['weight'])
  return weight === undefined ? 'badNumber' : { name, gold, description, weight }
}

function readLenient({ key, fields }: KeyedItem, repairs: Repair[]): Criterion | ParseFailure {
  noteExtraKeys(fields, FIELDS, repairs)
  const name = fields['name'] === undefined || fields['name'] === null ? key : lenientText(fields['name'], repairs)
  const gold = textOr(NO_GOLD, fields['gold'] ?? fields['ground_truth'], repairs)
  const description = lenientText(fields['description'], repairs)
  if (name === undefined || gold === undefined || description === undefined) return 'badShape'
  if (!Object.hasOwn(fields, 'weight')) return 'badShape'
  const weight = lenientNumber(fields['weight'], false, repairs)
  return weight === undefined ? 'badNumber' : { name, gold, description, weight }
}
