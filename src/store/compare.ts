/** Which keys of a configuration differ. Pure. */
import { canonicalJson, isJsonObject } from '../core/json.ts'

/** Dotted names of the leaves in which two JSON-like values differ, sorted; lists count as leaves. */
export function changedKeys(before: unknown, after: unknown): string[] {
  return compare(before, after, '').sort()
}

function compare(before: unknown, after: unknown, name: string): string[] {
  if (!isJsonObject(before) || !isJsonObject(after)) {
    return canonicalJson([before]) === canonicalJson([after]) ? [] : [name]
  }
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap((key) => compare(before[key], after[key], name === '' ? key : `${name}.${key}`))
}
