/** The way from a reply to a list of criteria, shared by rubric and evaluation: tag, JSON, items, one reader per dialect. */
import { parseJson } from '../../core/json.ts'
import type { ParseFailure, ParseResult } from '../../records/index.ts'
import { lenientItems, publishedItems, type KeyedItem } from './criteria.ts'
import { isBareJson, lenientJson, type JsonContent } from './json-content.ts'
import { failure, success, type ParseOptions, type Repair } from './options.ts'
import { isUnfinishedReasoning, lenientTag, publishedTag, withoutReasoning, type TagContent } from './tags.ts'

/** Reads one criterion: the value, or why it is none. Lenient readers note what they put right. */
export type ItemReader<T> = (item: KeyedItem, repairs: Repair[]) => T | ParseFailure

export interface CriteriaFormat<T> {
  readonly tag: string
  /** The key whose value is the number that counts: `weight`, `rating`. */
  readonly valueKey: string
  /** Whether an object without criteria is a valid reply (an evaluation of an empty answer), or `empty`. */
  readonly mayBeEmpty: boolean
  readonly published: ItemReader<T>
  readonly lenient: ItemReader<T>
}

export function parseCriteria<T extends object>(
  text: string,
  format: CriteriaFormat<T>,
  options: ParseOptions,
): ParseResult<T[]> {
  if (options.dialect === 'published') return parsePublished(text, format, options)
  if (isUnfinishedReasoning(text)) return failure('truncated')
  const exact = parsePublished(text, format, options)
  return exact.ok ? exact : parseLenient(text, format, options)
}

function parsePublished<T extends object>(
  text: string,
  format: CriteriaFormat<T>,
  options: ParseOptions,
): ParseResult<T[]> {
  const found = publishedTag(text, format.tag, options)
  if (!found.ok) return found
  const json = parseJson(found.content)
  if (!json.ok) return failure('badJson')
  const items = publishedItems(json.value)
  return items === undefined ? failure('badShape') : readItems(items, format.published, format, [])
}

function parseLenient<T extends object>(
  text: string,
  format: CriteriaFormat<T>,
  options: ParseOptions,
): ParseResult<T[]> {
  const found = withBareJson(lenientTag(text, format.tag, options, 'accept'), text, options)
  if (!found.ok) return found
  const json = lenientJson(found.content, format.valueKey, !found.closed)
  if (json === undefined) return failure(found.closed ? 'badJson' : cutReason(found, options))
  return readLenient(json, format, [...found.repairs, ...json.repairs])
}

function readLenient<T extends object>(
  json: JsonContent,
  format: CriteriaFormat<T>,
  repairs: Repair[],
): ParseResult<T[]> {
  const found = lenientItems(json.value, format.valueKey)
  if (found === undefined) return failure('badShape')
  repairs.push(...found.repairs)
  return readItems(found.items, format.lenient, format, repairs)
}

function readItems<T extends object>(
  items: readonly KeyedItem[],
  read: ItemReader<T>,
  format: CriteriaFormat<T>,
  repairs: Repair[],
): ParseResult<T[]> {
  if (items.length === 0 && !format.mayBeEmpty) return failure('empty')
  const values: T[] = []
  for (const item of items) {
    const value = read(item, repairs)
    if (typeof value === 'string') return failure(value)
    values.push(value)
  }
  return success(values, repairs)
}

/** A server with a JSON response format gives no tags. */
function withBareJson(found: TagContent, text: string, options: ParseOptions): TagContent {
  if (found.ok || found.reason !== 'noTag' || options.truncated === true) return found
  const reply = withoutReasoning(text)
  return isBareJson(reply) ? { ok: true, content: reply, closed: false, repairs: ['missingTag'] } : found
}

function cutReason(found: TagContent & { ok: true }, options: ParseOptions): ParseFailure {
  if (found.repairs.includes('missingTag')) return 'noTag'
  return options.truncated === false ? 'badJson' : 'truncated'
}
