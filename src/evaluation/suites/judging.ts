/** What suites with a judge share: how material goes into a prompt, and how another judge is named. Knows no benchmark. */
import type { JsonValue } from '../../core/json.ts'
import type { LanguageModel } from '../../records/index.ts'

/** Everything that others wrote goes in as JSON strings: no text of a model can end its section or add one. */
export function material(parts: Readonly<Record<string, JsonValue>>): string {
  return JSON.stringify(parts, null, 1).replaceAll('<|', '<\\u007c')
}

/** A departure where another judge than the official one judges. `official` is how that one's name begins. */
export function judgeDepartures(judge: LanguageModel, official: string): string[] {
  return judge.name.includes(official) ? [] : [`judged by ${judge.name}, not by ${official}`]
}
