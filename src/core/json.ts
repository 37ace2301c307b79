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

/** JSON with object keys in sorted order at every depth: equal values give equal text, so it can be hashed. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (!isJsonObject(item)) return item
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
  })
}
