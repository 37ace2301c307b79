/** A line of `examples.jsonl` as the viewer sees it: its row in the table, and what its answers add to the sums. */
import { parseJson } from '../../core/json.ts'
import { exampleSchema, type Example } from '../../records/index.ts'
import type { ScoringMode } from '../views/flips.ts'
import { answerWords, exampleRow, scoreOf, type RowOutcome } from '../views/rows.ts'
import type { ExampleRow } from '../views/wire.ts'

/** What an example does not tell of itself. */
export interface ExampleRules {
  /** What became of it; the caller knows the pairing rules. */
  readonly outcomeOf: (example: Example) => RowOutcome
  /** How its answers were scored; null where that is not known. */
  readonly scoringMode: ScoringMode | null
}

export interface ExampleLine {
  readonly row: ExampleRow
  /** Of the scored candidates: score and words of the answer. */
  readonly scored: readonly (readonly [score: number, words: number])[]
  /** Ratings by the name of the criterion: [name, sum, count]. */
  readonly ratings: Iterable<readonly [string, number, number]>
}

/** Null for a line that is no example. */
export function exampleLine(line: Buffer, { outcomeOf, scoringMode }: ExampleRules): ExampleLine | null {
  const example = readExample(line.toString('utf8'))
  if (example === null) return null
  const words = answerWords(example)
  return {
    row: exampleRow(example, outcomeOf(example), scoringMode, words),
    scored: example.candidates.flatMap((candidate, i) => {
      return scoreOf(candidate).map((score): [number, number] => [score, words[i] ?? 0])
    }),
    ratings: ratingsOf(example),
  }
}

export function readExample(text: string): Example | null {
  const json = parseJson(text)
  const example = exampleSchema.safeParse(json.ok ? json.value : null)
  return example.success ? example.data : null
}

function ratingsOf({ candidates }: Example): Iterable<[string, number, number]> {
  const sums = new Map<string, [string, number, number]>()
  for (const { evaluation } of candidates) {
    for (const { name, rating } of evaluation ?? []) {
      if (!Number.isFinite(rating)) continue
      const known = sums.get(name)
      if (known === undefined) sums.set(name, [plain(name), rating, 1])
      else {
        known[1] += rating
        known[2]++
      }
    }
  }
  return sums.values()
}

/** Judges write names a little differently: capitals and spaces do not count. */
function plain(name: string): string {
  return name.trim().toLowerCase().slice(0, 80)
}
