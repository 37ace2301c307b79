/** Reading the text fields of a criterion as models fill them. */
import type { JsonValue } from '../../core/json.ts'
import type { Repair } from './options.ts'
import { numberOrText } from './number.ts'

/** The text of a field; undefined where there is none (absent, null, an object). */
export function lenientText(value: JsonValue | undefined, repairs: Repair[]): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') {
    repairs.push('textFromValue')
    return String(value)
  }
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) {
    repairs.push('textFromValue')
    return value.join('; ')
  }
  return undefined
}

/** The text of a field, or `substitute` where nothing was written; undefined where something that is no text was. */
export function textOr(substitute: string, value: JsonValue | undefined, repairs: Repair[]): string | undefined {
  if (value !== undefined && value !== null) return lenientText(value, repairs)
  repairs.push('absentText')
  return substitute
}

/** A number or a text that is one; `numeric` says whether a text counts as a repair here. */
export function lenientNumber(
  value: JsonValue | undefined,
  textIsRepair: boolean,
  repairs: Repair[],
): number | undefined {
  const number = numberOrText(value)
  if (number !== undefined && textIsRepair && typeof value === 'string') repairs.push('numberFromText')
  return number
}

/** Notes keys that nothing reads. */
export function noteExtraKeys(fields: { [key: string]: JsonValue }, known: readonly string[], repairs: Repair[]): void {
  if (Object.keys(fields).some((key) => !known.includes(key))) repairs.push('extraKeys')
}
