/** Numbers as models write them. Never guesses: a text that is not wholly a finite decimal number is no number. */
import type { JsonValue } from '../../core/json.ts'

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/** The number that a text is, surrounding white space aside; undefined for anything else, hexadecimal, NaN and Infinity included. */
export function numberFromText(text: string): number | undefined {
  const trimmed = text.trim()
  // The pattern is linear here because no text of more than 64 characters reaches it.
  if (trimmed.length > 64 || !DECIMAL.test(trimmed)) return undefined
  return finite(Number(trimmed))
}

/** A JSON number or a numeric string. */
export function numberOrText(value: JsonValue | undefined): number | undefined {
  if (typeof value === 'number') return finite(value)
  return typeof value === 'string' ? numberFromText(value) : undefined
}

/** JSON can write numbers beyond the range of a double (`1e999`); they are no numbers here. */
export function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined
}
