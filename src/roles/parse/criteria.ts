/** An object of criteria, `criterion_k -> {…}`, and the forms models give it. Knows neither rubric nor evaluation. */
import { isJsonObject, type JsonValue } from '../../core/json.ts'
import type { Repair } from './options.ts'

type JsonObject = { [key: string]: JsonValue }

/** One criterion as written: the key it stood under, and its fields. */
export interface KeyedItem {
  readonly key: string
  readonly fields: JsonObject
}

/** The published form: an object of objects. */
export function publishedItems(value: JsonValue): KeyedItem[] | undefined {
  if (!isJsonObject(value)) return undefined
  const items: KeyedItem[] = []
  for (const [key, fields] of Object.entries(value)) {
    if (!isJsonObject(fields)) return undefined
    items.push({ key, fields })
  }
  return items
}

/** Whether the keys are exactly `names`, of which `name` alone may be absent. */
export function hasExactKeys(fields: JsonObject, names: readonly string[]): boolean {
  const expected = names.filter((name) => name !== 'name' || Object.hasOwn(fields, 'name'))
  return Object.keys(fields).length === expected.length && expected.every((name) => Object.hasOwn(fields, name))
}

/**
 * The criteria of a list, of a single bare object, or of an object around them; keys in lower case with underscores.
 * `valueKey` (`rating`, `weight`) tells a criterion from an object of criteria. Entries that are no objects are dropped.
 */
export function lenientItems(
  value: JsonValue,
  valueKey: string,
): { items: KeyedItem[]; repairs: Repair[] } | undefined {
  const repairs: Repair[] = []
  const found = collect(value, valueKey, 0, repairs)
  if (found === undefined) return undefined
  return { items: found.map(({ key, fields }) => ({ key, fields: plainKeys(fields, repairs) })), repairs }
}

/** A wrapper (`{"criteria": [ … ]}`) is at most two levels deep; anything deeper is another shape. */
function collect(value: JsonValue, valueKey: string, depth: number, repairs: Repair[]): KeyedItem[] | undefined {
  if (depth > 2) return undefined
  if (Array.isArray(value)) {
    repairs.push('criteriaForm')
    return fromList(value, valueKey)
  }
  if (!isJsonObject(value)) return undefined
  if (isCriterion(value, valueKey)) {
    repairs.push('criteriaForm')
    return [{ key: 'criterion_1', fields: value }]
  }
  const inner = enclosed(value, valueKey)
  if (inner !== undefined) {
    repairs.push('criteriaForm')
    return collect(inner, valueKey, depth + 1, repairs)
  }
  return fromObject(value, repairs)
}

function fromList(list: readonly JsonValue[], valueKey: string): KeyedItem[] | undefined {
  const items: KeyedItem[] = []
  for (const item of list) {
    if (!isJsonObject(item)) return undefined
    const entries = Object.entries(item)
    const only = entries[0]
    if (!isCriterion(item, valueKey) && entries.length === 1 && only !== undefined && isJsonObject(only[1])) {
      items.push({ key: only[0], fields: only[1] })
    } else items.push({ key: `criterion_${items.length + 1}`, fields: item })
  }
  return items
}

function fromObject(value: JsonObject, repairs: Repair[]): KeyedItem[] | undefined {
  const entries = Object.entries(value)
  const items = entries.flatMap(([key, fields]) => (isJsonObject(fields) ? [{ key, fields }] : []))
  if (items.length === 0 && entries.length > 0) return undefined
  if (items.length < entries.length) repairs.push('extraKeys')
  return items
}

/** The one list, or the one object of criteria, that an object holds beside plain values. */
function enclosed(value: JsonObject, valueKey: string): JsonValue | undefined {
  const containers = Object.values(value).filter((item) => typeof item === 'object' && item !== null)
  const only = containers[0]
  if (only === undefined || containers.length > 1) return undefined
  if (Array.isArray(only)) return only
  return !isCriterion(only, valueKey) && Object.values(only).some(isJsonObject) ? only : undefined
}

function isCriterion(value: JsonObject, valueKey: string): boolean {
  return Object.entries(value).some(([key, item]) => plainKey(key) === valueKey && !isJsonObject(item))
}

function plainKeys(fields: JsonObject, repairs: Repair[]): JsonObject {
  const plain: JsonObject = {}
  for (const [key, value] of Object.entries(fields)) {
    const name = plainKey(key)
    if (name !== key) repairs.push('keySpelling')
    // A key in its right spelling wins over a variant of it.
    if (name === key || !Object.hasOwn(fields, name)) plain[name] = value
  }
  return plain
}

function plainKey(key: string): string {
  const name = key
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_')
  return name === '__proto__' ? '' : name
}
