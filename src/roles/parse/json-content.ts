/**
 * JSON inside a reply: strictly, or as models write it (fenced, with text around it, with trailing commas …).
 * Knows no role. Repair of syntax is the library jsonrepair's work; it is bounded in length because its worst case is
 * quadratic, and refused where it could move a value (see `repairSyntax`).
 */
import { jsonrepair } from 'jsonrepair'
import { parseJson, type JsonValue } from '../../core/json.ts'
import type { Repair } from './options.ts'

export interface JsonContent {
  readonly value: JsonValue
  readonly repairs: readonly Repair[]
}

/** Longest text given to the repair, in characters: four times what 8,192 tokens of such JSON are in the shortest case. */
const REPAIR_LIMIT = 32_768

/**
 * Finds the JSON in `content`. With `complete: true` nothing may be missing at its end (the reply may have been cut there).
 * `valueKey` is the key whose values carry the verdicts (`rating`, `weight`).
 */
export function lenientJson(content: string, valueKey: string, complete: boolean): JsonContent | undefined {
  const { text, repairs } = locate(content)
  if (!/[[{]/.test(text)) return undefined
  const strict = parseJson(text)
  if (strict.ok) return { value: strict.value, repairs }
  if (text.length > REPAIR_LIMIT || (complete && !isBalanced(text))) return undefined
  const repaired = repairSyntax(text, valueKey)
  return repaired === undefined ? undefined : { value: repaired, repairs: [...repairs, 'jsonSyntax'] }
}

/**
 * Whether a reply without tags is JSON or one fenced block, and nothing else. JSON somewhere in a text without tags is not
 * taken: it may be a quotation from the answer that is judged.
 */
export function isBareJson(reply: string): boolean {
  const text = reply.trim()
  if (text.startsWith('```') && text.endsWith('```')) return text.split('```').length === 3
  return (text.startsWith('{') && text.endsWith('}')) || (text.startsWith('[') && text.endsWith(']'))
}

/** Narrows to a single fenced block, then to the span from the first opening to the last closing bracket. */
function locate(content: string): { text: string; repairs: Repair[] } {
  const repairs: Repair[] = []
  let text = content.trim()
  const parts = /^[[{]/.test(text) ? [] : text.split('```')
  if (parts.length === 3 && parts[1] !== undefined) {
    repairs.push('codeFence')
    if ((parts[0] ?? '').trim() !== '' || (parts[2] ?? '').trim() !== '') repairs.push('textAroundJson')
    text = parts[1].replace(/^[A-Za-z0-9]{1,16}(?=\s)/, '').trim()
  }
  const start = text.search(/[[{]/)
  if (start < 0) return { text, repairs }
  const end = Math.max(text.lastIndexOf('}'), text.lastIndexOf(']')) + 1
  const span = text.slice(start, end > start ? end : text.length)
  if (span.length < text.length) repairs.push('textAroundJson')
  return { text: span, repairs }
}

/**
 * Repaired JSON, or undefined. A judge that quotes an answer with bare quotation marks can make text of the answer look like
 * JSON, and repair could then read the answer's own rating for the judge's. So every spelling of the value key in the text
 * must have become a key of an object; where the numbers differ, the reply stays unreadable.
 */
function repairSyntax(text: string, valueKey: string): JsonValue | undefined {
  let repaired: string
  try {
    repaired = jsonrepair(doubleStrayBackslashes(text))
  } catch {
    // jsonrepair throws on what it cannot repair, and a RangeError on very deep nesting: either way this is not JSON.
    return undefined
  }
  const result = parseJson(repaired)
  if (!result.ok) return undefined
  return spelledKeys(text, valueKey) === countKey(result.value, valueKey) ? result.value : undefined
}

/** How often the text has `key` where a key can stand: after a quotation mark, an opening brace or a comma, before a colon. */
function spelledKeys(text: string, key: string): number {
  const pattern = `(?:["'“”‘’]|[{,]\\s{0,200})${key}["'“”‘’\\\\]{0,2}\\s{0,8}:`
  return text.match(new RegExp(pattern, 'gi'))?.length ?? 0
}

/** `\d` and `\sqrt` are no JSON escapes; the repair would drop their backslash. */
function doubleStrayBackslashes(text: string): string {
  return text.replace(/\\([\s\S])/g, (escape, next: string) => ('"\\/bfnrtu\''.includes(next) ? escape : `\\\\${next}`))
}

/**
 * How often `key` is a key, as deep as any accepted form goes. A −0 does not count: it is what the repair makes of a lone
 * minus sign.
 */
function countKey(value: JsonValue, key: string, depth = 0): number {
  if (typeof value !== 'object' || value === null || depth > 5) return 0
  const entries: [string, JsonValue][] = Array.isArray(value) ? value.map((item) => ['', item]) : Object.entries(value)
  return entries.reduce((sum, [name, item]) => {
    const own = name.trim().toLowerCase() === key && !Object.is(item, -0) ? 1 : 0
    return sum + own + countKey(item, key, depth + 1)
  }, 0)
}

/** Every bracket outside strings is closed. */
function isBalanced(text: string): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (inString) {
      if (char === '\\') i++
      else if (char === '"') inString = false
    } else if (char === '"') inString = true
    else if (char === '{' || char === '[') depth++
    else if (char === '}' || char === ']') depth--
  }
  return depth === 0 && !inString
}
