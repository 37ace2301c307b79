/** What suites with a judge share: how material goes into a prompt, and how another judge is named. Knows no benchmark. */
import type { JsonValue } from '../../core/json.ts'
import type { LanguageModel } from '../../records/index.ts'

/** Everything that others wrote goes in as JSON strings: no text of a model can end its section or add one. */
export function material(parts: Readonly<Record<string, JsonValue>>): string {
  return JSON.stringify(parts, null, 1).replaceAll('<|', '<\\u007c')
}

/** The same weights at a date, as vendors name them: `-2025-04-14`, `-20250414`. */
const DATE = /^-\d{4}(?:-\d{2}-\d{2}|\d{4})$/

/** A departure where another judge than the official one judges: another name, where `VENDOR/` before and a date behind do not count. */
export function judgeDepartures(judge: LanguageModel, official: string): string[] {
  const name = judge.name.slice(judge.name.lastIndexOf('/') + 1)
  const isOfficial = name === official || (name.startsWith(official) && DATE.test(name.slice(official.length)))
  return isOfficial ? [] : [`judged by ${judge.name}, not by ${official}`]
}
