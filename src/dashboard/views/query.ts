/**
 * Search, filter, sort and page over the rows of a table. Pure: the server runs it, and so does a bundle's page. Rows are
 * looked at as columns of numbers, and the order of the last few questions is remembered: a page of a large run has to come
 * in a blink.
 */
import { NumberList } from '../../core/number-list.ts'
import { measures } from './address.ts'
import type { ScoringMode } from './flips.ts'
import { histogramOf } from './histogram.ts'
import type { ExamplePage, ExampleQuery, ExampleRow, Facet, Measure, ScoreScale, SortKey } from './wire.ts'

const histogramMeasures: readonly Measure[] = ['mean', 'margin', 'words']
/** A spread below this is none: the pairing rule's own default. */
const tieSpread = 0.001
const longestPage = 500
const rememberedAnswers = 16

const choices = ['round', 'task', 'status', 'outcome', 'unscored'] as const
type Choice = (typeof choices)[number]
type NumberKey = Exclude<SortKey, 'order' | 'title' | 'status' | 'outcome'>
const numberKeys: readonly NumberKey[] = [...measures, 'valid', 'scored', 'flips']

/** Values of which there are few: each row holds the numbers of its own. */
interface Coded {
  readonly names: Map<string, number>
  readonly of: number[][]
}

/** A test of one row, by its number. */
type Test = (row: number) => boolean

/** What a query came to, but for the page. */
interface Answer extends Omit<ExamplePage, 'rows' | 'offset' | 'all'> {
  readonly order: readonly number[]
}

const rubricScale: ScoreScale = { min: 0, max: 2 }

/** Between which numbers scores lie, by the way a run scores. */
export const scoreScales: Readonly<Record<ScoringMode, ScoreScale>> = {
  pointwise: rubricScale,
  pairwise: { min: 0, max: 1 },
  anchored: { min: -10, max: 10 },
}

export class RowTable {
  readonly rows: ExampleRow[] = []
  private readonly scale: ScoreScale
  private readonly coded = Object.fromEntries(
    choices.map((key) => [key, { names: new Map(), of: [] }]),
  ) as unknown as Record<Choice, Coded>
  private readonly numbers = new Map<NumberKey, NumberList>(numberKeys.map((key) => [key, new NumberList()]))
  private readonly texts: string[] = []
  private readonly answers = new Map<string, Answer>()

  constructor(rows: Iterable<ExampleRow> = [], scale: ScoreScale = rubricScale) {
    this.scale = scale
    this.add(rows)
  }

  add(rows: Iterable<ExampleRow>): void {
    for (const row of rows) this.addRow(row)
    this.answers.clear()
  }

  /** The asked page of the rows that pass, with what the filters could be set to. */
  query(query: ExampleQuery): ExamplePage {
    const { offset: from, limit: most, ...rest } = query
    const name = JSON.stringify(rest)
    const { order, ...answer } = this.answers.get(name) ?? this.remember(name, this.answer(rest))
    const offset = Math.max(0, from ?? 0)
    const limit = Math.min(longestPage, Math.max(0, most ?? 100))
    const rows = order.slice(offset, offset + limit).flatMap((row) => this.rows[row] ?? [])
    return { ...answer, all: this.rows.length, offset, rows }
  }

  private addRow(row: ExampleRow): void {
    this.rows.push(row)
    for (const key of choices) {
      const { names, of } = this.coded[key]
      const values = key === 'unscored' ? Object.keys(row.unscored) : [String(row[key])]
      of.push(
        values.map((value) => {
          const known = names.get(value) ?? names.size
          names.set(value, known)
          return known
        }),
      )
    }
    for (const [key, list] of this.numbers) list.push(row[key] ?? NaN)
    this.texts.push(`${row.title} ${row.documentId}`.toLowerCase())
  }

  private remember(name: string, answer: Answer): Answer {
    for (const oldest of this.answers.keys()) {
      if (this.answers.size < rememberedAnswers) break
      this.answers.delete(oldest)
    }
    this.answers.set(name, answer)
    return answer
  }

  private answer(query: ExampleQuery): Answer {
    const tests = this.testsOf(query)
    const failed = this.failures([...tests.values()])
    const names = [...tests.keys()]
    const passing = this.where(failed, 0)
    // Each filter's choices are counted over the rows that pass every other one.
    const without = (name: string): readonly number[] => {
      const bit = names.indexOf(name)
      return bit < 0 ? passing : this.where(failed, 1 << bit)
    }
    return {
      total: passing.length,
      order: this.sorted(passing, query.sort ?? 'order', query.descending === true),
      histograms: histogramMeasures.map((measure) => this.histogram(measure, without(measure))),
      facets: {
        round: this.facet('round', without('round')),
        task: this.facet('task', without('task')),
        status: this.facet('status', without('status')),
        outcome: this.facet('outcome', without('outcome')),
        unscored: this.facet('unscored', without('unscored')),
      },
      ties: without('tie').filter((row) => isTie(this.rows[row])).length,
      flips: without('flip').filter((row) => this.number('flips', row) > 0).length,
    }
  }

  /** For each row the tests that it fails, as bits. */
  private failures(tests: readonly Test[]): Uint32Array {
    const failed = new Uint32Array(this.rows.length)
    for (const [bit, test] of tests.entries()) {
      for (let row = 0; row < failed.length; row++) if (!test(row)) failed[row] = (failed[row] ?? 0) | (1 << bit)
    }
    return failed
  }

  /** Rows that fail nothing but what is pardoned. */
  private where(failed: Uint32Array, pardoned: number): number[] {
    const rows: number[] = []
    for (let row = 0; row < failed.length; row++) if (((failed[row] ?? 0) & ~pardoned) === 0) rows.push(row)
    return rows
  }

  private testsOf({ tie, flip, text, ranges = {}, ...query }: ExampleQuery): Map<string, Test> {
    const tests = new Map<string, Test>()
    for (const key of choices) {
      const wanted = query[key]
      if (wanted === undefined) continue
      const { names, of } = this.coded[key]
      const code = names.get(String(wanted)) ?? -1
      tests.set(key, (row) => of[row]?.includes(code) === true)
    }
    if (tie !== undefined) tests.set('tie', (row) => isTie(this.rows[row]) === tie)
    if (flip !== undefined) tests.set('flip', (row) => this.number('flips', row) > 0 === flip)
    for (const measure of measures) {
      const range = ranges[measure]
      if (range === undefined) continue
      const { from, to } = range
      tests.set(measure, (row) => {
        const value = this.number(measure, row)
        return value >= from && value < to
      })
    }
    const words = (text ?? '').toLowerCase().split(/\s+/).filter(Boolean)
    if (words.length > 0) tests.set('text', (row) => words.every((word) => this.texts[row]?.includes(word) === true))
    return tests
  }

  /** NaN for none. */
  private number(key: NumberKey, row: number): number {
    return this.numbers.get(key)?.at(row) ?? NaN
  }

  private sorted(rows: readonly number[], key: SortKey, descending: boolean): readonly number[] {
    const sign = descending ? -1 : 1
    if (key === 'order') return descending ? rows.toReversed() : rows
    if (key === 'title' || key === 'status' || key === 'outcome') {
      const text = (row: number): string => this.rows[row]?.[key] ?? ''
      return rows.toSorted((a, b) => sign * (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0))
    }
    const values = this.numbers.get(key)?.view() ?? new Float64Array()
    const [known, unknown] = [[] as number[], [] as number[]]
    for (const row of rows) (Number.isNaN(values[row]) ? unknown : known).push(row)
    known.sort((a, b) => sign * ((values[a] ?? 0) - (values[b] ?? 0)))
    // What has no value comes last, whichever way.
    return [...known, ...unknown]
  }

  private histogram(measure: Measure, rows: readonly number[]): ExamplePage['histograms'][number] {
    const values = this.numbers.get(measure)?.view() ?? new Float64Array()
    return histogramOf(
      measure,
      Float64Array.from(rows, (row) => values[row] ?? NaN),
      this.scale,
    )
  }

  private facet(choice: Choice, rows: readonly number[]): Facet {
    const { names, of } = this.coded[choice]
    const counts = Array.from({ length: names.size }, () => 0)
    for (const row of rows) for (const code of of[row] ?? []) counts[code] = (counts[code] ?? 0) + 1
    const found = [...names].map(([name, code]): [string, number] => [name, counts[code] ?? 0])
    return Object.fromEntries(found.filter(([, n]) => n > 0).sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}

/** All scored answers got the same score: nothing to learn from. */
function isTie(row: ExampleRow | undefined): boolean {
  return row !== undefined && row.scored > 1 && row.std !== null && row.std < tieSpread
}
