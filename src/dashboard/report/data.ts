/** What the report shows, and how a round's examples become it. Knows records, not markup. */
import type { Example, SkipReason } from '../../records/index.ts'
import type { Costs } from '../views/costs.ts'
import type { ScoringMode } from '../views/flips.ts'
import { scoreScales } from '../views/query.ts'
import type { ScoreScale } from '../views/wire.ts'
import type { RunData } from '../run-data.ts'

/** What became of a question: `chosen` and `rejected` are candidates' `index`. */
export type PairOutcome =
  | { readonly status: 'paired'; readonly chosen: number; readonly rejected: number }
  | { readonly status: 'skipped'; readonly reason: SkipReason }

/** Tells what became of an example; the caller knows the pairing rules. */
export type OutcomeOf = (example: Example) => PairOutcome

export interface ReportExample {
  readonly example: Example
  readonly outcome: PairOutcome
}

/** A round's self-play in numbers, and a few of its examples. */
export interface ReportRound {
  readonly round: number
  readonly examples: number
  readonly statuses: Readonly<Partial<Record<Example['status'], number>>>
  readonly pairs: number
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>
  /** Self-scores of candidates, in equal bins over `scale`. A score outside is in the end bin. */
  readonly scoreBins: readonly number[]
  readonly scale: ScoreScale
  readonly scored: number
  /** Candidates without a score, by reason: never counted as 0. */
  readonly unscored: Readonly<Partial<Record<string, number>>>
  readonly shown: readonly ReportExample[]
}

export interface ReportData {
  readonly run: RunData
  readonly rounds: readonly ReportRound[]
  /** Tokens of all calls, and what they cost where prices are known. */
  readonly costs?: Costs
}

const bins = 20

/** Shown of a round: this many that became pairs, and this many of those that did not. */
const shownPaired = 3
const shownOther = 2

/** Goes through a round's examples once. @param mode how the run scores */
export function summariseRound(
  round: number,
  examples: Iterable<Example>,
  outcomeOf: OutcomeOf,
  mode: ScoringMode,
): ReportRound {
  const scale = scoreScales[mode]
  const statuses: Partial<Record<Example['status'], number>> = {}
  const skipped: Partial<Record<SkipReason, number>> = {}
  const unscored: Partial<Record<string, number>> = {}
  const scoreBins = Array.from({ length: bins }, () => 0)
  const paired: ReportExample[] = []
  const others = new Map<string, ReportExample>()
  let count = 0
  let scored = 0
  for (const example of examples) {
    count++
    increase(statuses, example.status)
    for (const { score } of example.candidates) {
      if (score.status === 'unscored') increase(unscored, score.reason)
      else {
        scored++
        const bin = binOf(score.value, scale)
        scoreBins[bin] = (scoreBins[bin] ?? 0) + 1
      }
    }
    const outcome = outcomeOf(example)
    if (outcome.status === 'paired') paired.push({ example, outcome })
    else {
      increase(skipped, outcome.reason)
      // One of each kind: the reasons differ, the examples of one reason look alike.
      const kind = `${example.status} ${outcome.reason}`
      if (!others.has(kind)) others.set(kind, { example, outcome })
    }
  }
  const shown = [...spread(paired, shownPaired), ...[...others.values()].slice(0, shownOther)]
  const pairs = paired.length
  return { round, examples: count, statuses, pairs, skipped, scoreBins, scale, scored, unscored, shown }
}

function binOf(score: number, { min, max }: ScoreScale): number {
  return Math.min(bins - 1, Math.max(0, Math.floor(((score - min) / (max - min)) * bins)))
}

/** `count` items evenly over the list: neither the best nor the first ones. */
function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items]
  return items.filter((_, i) => Math.floor((i * count) / items.length) !== Math.floor(((i - 1) * count) / items.length))
}

function increase<Key extends string>(counts: Partial<Record<Key, number>>, key: Key): void {
  counts[key] = (counts[key] ?? 0) + 1
}
