/** JSON in and out. The only place that calls `JSON.parse`, so that untrusted text meets one set of rules. */

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }

export type JsonResult = { ok: true; value: JsonValue } | { ok: false; message: string }

/** Parses untrusted text. Never throws. A `__proto__` key is dropped, so that no later spread or assign can meet it. */
export function parseJson(text: string): JsonResult {
  try {
    // A reviver makes parsing several times slower, and only a text that can spell the key needs one.
    const value = (mayNameProto(text) ? JSON.parse(text, dropProto) : JSON.parse(text)) as JsonValue
    return { ok: true, value }
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) }
  }
}

/** Whether a key `__proto__` may be in it: as it stands, or with some of its letters escaped. */
function mayNameProto(text: string): boolean {
  return text.includes('__proto__') || text.includes('\\u00')
}

function dropProto(key: string, item: JsonValue): JsonValue | undefined {
  return key === '__proto__' ? undefined : item
}

export function isJsonObject(value: unknown): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * JSON with object keys in sorted order at every depth: equal values give equal text, so it can be hashed. Keys that are whole
 * numbers come first, by size. Undefined values are left out, as `JSON.stringify` does.
 */
export function canonicalJson(value: unknown): string {
  // Written out by hand: every model call is hashed, and a replacer makes `JSON.stringify` several times slower.
  return canonical(value) ?? 'null'
}

function canonical(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return canonicalList(value)
  if (hasOwnForm(value)) return canonical(value.toJSON())
  // Appended to, not joined: long texts are copied once, at the end.
  let text = '{'
  for (const key of sortedKeys(value)) {
    const member = canonical((value as Readonly<Record<string, unknown>>)[key])
    if (member !== undefined) text += `${text === '{' ? '' : ','}${JSON.stringify(key)}:${member}`
  }
  return `${text}}`
}

function canonicalList(values: readonly unknown[]): string {
  let text = '['
  for (const [i, value] of values.entries()) text += `${i === 0 ? '' : ','}${canonical(value) ?? 'null'}`
  return `${text}]`
}

/** A date, say. */
function hasOwnForm(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function'
}

function sortedKeys(value: object): string[] {
  const keys = Object.keys(value).sort()
  // An object puts numbers first by itself, and what was hashed so before must stay equal.
  return keys.some(startsWithDigit) ? Object.keys(Object.fromEntries(keys.map((key) => [key, 0]))) : keys
}

function startsWithDigit(key: string): boolean {
  const first = key.charCodeAt(0)
  return first >= 0x30 && first <= 0x39
}
