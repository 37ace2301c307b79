/** Rows of the table as columns, to keep them: numbers in lists, texts in lists, and back. */
import { z } from 'zod'
import type { Kept } from '../../store/index.ts'
import type { ExampleRow } from '../views/wire.ts'

const counts = ['round', 'questionIndex', 'candidates', 'valid', 'scored', 'compared', 'flips'] as const
const measures = ['chosen', 'rejected', 'mean', 'best', 'worst', 'std', 'margin', 'words', 'wordGap'] as const
/** Few different ones: each row holds its number in a list of names. */
const names = ['task', 'status', 'outcome'] as const

const textsSchema = z.strictObject({
  documentIds: z.array(z.string()),
  titles: z.array(z.string()),
  names: z.record(z.enum(names), z.array(z.string())),
  /** Rows with reasons only. */
  unscored: z.array(z.tuple([z.int(), z.record(z.string(), z.number())])),
})

export function packRows(rows: readonly ExampleRow[]): { numbers: Kept['numbers']; texts: unknown } {
  const numbers: Record<string, Float64Array> = {}
  for (const key of counts) numbers[key] = Float64Array.from(rows, (row) => row[key])
  for (const key of measures) numbers[key] = Float64Array.from(rows, (row) => row[key] ?? NaN)
  const lists: Record<string, string[]> = {}
  for (const key of names) {
    const known = new Map<string, number>()
    numbers[key] = Float64Array.from(rows, (row) => {
      if (!known.has(row[key])) known.set(row[key], known.size)
      return known.get(row[key]) ?? 0
    })
    lists[key] = [...known.keys()]
  }
  const texts = {
    documentIds: rows.map(({ documentId }) => documentId),
    titles: rows.map(({ title }) => title),
    names: lists,
    unscored: rows.flatMap(({ unscored }, i) => (Object.keys(unscored).length === 0 ? [] : [[i, unscored]])),
  }
  return { numbers, texts }
}

/** Null when it is not what `packRows` makes. Loose where it may be: a row is shown as text, whatever it holds. */
export function unpackRows(numbers: Kept['numbers'], packed: unknown): ExampleRow[] | null {
  const texts = textsSchema.safeParse(packed)
  if (!texts.success) return null
  const { documentIds, titles, names: lists, unscored } = texts.data
  const all = [...counts, ...measures, ...names]
  if (titles.length !== documentIds.length) return null
  if (all.some((key) => numbers[key]?.length !== documentIds.length)) return null
  const reasons = new Map(unscored)
  const count = (key: string, i: number): number => numbers[key]?.[i] ?? 0
  const measure = (key: string, i: number): number | null => {
    const value = numbers[key]?.[i] ?? NaN
    return Number.isNaN(value) ? null : value
  }
  const name = (key: (typeof names)[number], i: number): string => lists[key][count(key, i)] ?? ''
  return documentIds.map((documentId, i) => ({
    round: count('round', i),
    documentId,
    questionIndex: count('questionIndex', i),
    task: name('task', i),
    title: titles[i] ?? '',
    status: name('status', i) as ExampleRow['status'],
    outcome: name('outcome', i) as ExampleRow['outcome'],
    chosen: measure('chosen', i),
    rejected: measure('rejected', i),
    candidates: count('candidates', i),
    valid: count('valid', i),
    scored: count('scored', i),
    mean: measure('mean', i),
    best: measure('best', i),
    worst: measure('worst', i),
    std: measure('std', i),
    margin: measure('margin', i),
    words: measure('words', i),
    wordGap: measure('wordGap', i),
    compared: count('compared', i),
    flips: count('flips', i),
    unscored: reasons.get(i) ?? {},
  }))
}
