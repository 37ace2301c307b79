/** What the viewer remembers of a round's examples: the rows of the table, where the texts lie, and sums for the comparison. */
import { z } from 'zod'
import { NumberList } from '../../core/number-list.ts'
import type { Kept, LineMemory, LinePlace } from '../../store/index.ts'
import type { CriterionMean, ExampleRow } from '../views/wire.ts'
import { exampleLine, type ExampleRules } from './example-line.ts'
import { packRows, unpackRows } from './packed-rows.ts'

/** Changes whenever a line would be remembered differently. */
export const exampleRecipe = 'examples 4'

const keptSchema = z.strictObject({ criteria: z.array(z.string()), texts: z.unknown() })

export class ExampleMemory implements LineMemory {
  /** In the order of the file. */
  readonly rows: ExampleRow[] = []
  private readonly rules: ExampleRules
  private readonly byDocument = new Map<string, number[]>()
  private readonly criteria = new Map<string, { sum: number; rated: number }>()
  private offsets = new NumberList()
  private lengths = new NumberList()
  /** Of the scored answers. */
  private scoreList = new NumberList()
  private wordList = new NumberList()

  constructor(rules: ExampleRules) {
    this.rules = rules
  }

  get scores(): Float64Array {
    return this.scoreList.view()
  }

  get words(): Float64Array {
    return this.wordList.view()
  }

  add(line: Buffer, { offset, length }: LinePlace): void {
    const found = exampleLine(line, this.rules)
    if (found === null) return
    this.addRow(found.row)
    this.offsets.push(offset)
    this.lengths.push(length)
    for (const [score, words] of found.scored) {
      this.scoreList.push(score)
      this.wordList.push(words)
    }
    for (const [name, sum, rated] of found.ratings) this.addRating(name, sum, rated)
  }

  /** Rows of a document, by their number. */
  ofDocument(documentId: string): readonly number[] {
    return this.byDocument.get(documentId) ?? []
  }

  placeOf(row: number): LinePlace {
    return { offset: this.offsets.at(row), length: this.lengths.at(row) }
  }

  /** Criteria by name, those rated most first. */
  criteriaMeans(most: number): CriterionMean[] {
    return [...this.criteria]
      .sort(([, a], [, b]) => b.rated - a.rated)
      .slice(0, most)
      .map(([name, { sum, rated }]) => ({ name, rated, mean: sum / rated }))
  }

  clear(): void {
    this.rows.length = 0
    this.byDocument.clear()
    this.criteria.clear()
    this.offsets = new NumberList()
    this.lengths = new NumberList()
    this.scoreList = new NumberList()
    this.wordList = new NumberList()
  }

  save(): Kept {
    const { numbers, texts } = packRows(this.rows)
    const criteria = [...this.criteria]
    return {
      numbers: {
        ...numbers,
        offsets: this.offsets.view(),
        lengths: this.lengths.view(),
        allScores: this.scoreList.view(),
        allWords: this.wordList.view(),
        criterionSums: Float64Array.from(criteria, ([, { sum }]) => sum),
        criterionCounts: Float64Array.from(criteria, ([, { rated }]) => rated),
      },
      values: { criteria: criteria.map(([name]) => name), texts },
    }
  }

  load({ numbers, values }: Kept): boolean {
    const kept = keptSchema.safeParse(values)
    const rows = kept.success ? unpackRows(numbers, kept.data.texts) : null
    if (!kept.success || rows === null) return false
    const { criteria } = kept.data
    const answers = numbers['allScores']?.length ?? 0
    const lists = listsOf(numbers, {
      offsets: rows.length,
      lengths: rows.length,
      allScores: answers,
      allWords: answers,
      criterionSums: criteria.length,
      criterionCounts: criteria.length,
    })
    if (lists === null) return false
    this.clear()
    for (const row of rows) this.addRow(row)
    this.offsets = new NumberList(lists.offsets)
    this.lengths = new NumberList(lists.lengths)
    this.scoreList = new NumberList(lists.allScores)
    this.wordList = new NumberList(lists.allWords)
    for (const [i, name] of criteria.entries()) {
      this.addRating(name, lists.criterionSums[i] ?? 0, lists.criterionCounts[i] ?? 0)
    }
    return true
  }

  private addRow(row: ExampleRow): void {
    const known = this.byDocument.get(row.documentId)
    if (known === undefined) this.byDocument.set(row.documentId, [this.rows.length])
    else known.push(this.rows.length)
    this.rows.push(row)
  }

  private addRating(name: string, sum: number, rated: number): void {
    const known = this.criteria.get(name)
    if (known === undefined) this.criteria.set(name, { sum, rated })
    else {
      known.sum += sum
      known.rated += rated
    }
  }
}

/** The lists of these names and lengths; null when one is missing or of another length. */
function listsOf<Name extends string>(
  numbers: Kept['numbers'],
  wanted: Readonly<Record<Name, number>>,
): Record<Name, Float64Array> | null {
  const names = Object.keys(wanted) as Name[]
  if (names.some((name) => numbers[name]?.length !== wanted[name])) return null
  return Object.fromEntries(names.map((name) => [name, numbers[name]])) as Record<Name, Float64Array>
}
