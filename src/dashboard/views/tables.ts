/** The tables of the Run, Compare and Question screens as data. Pure. */
import type { Comparison, HealthReport, Rubric } from '../../records/index.ts'
import type { ComparedQuestion, MovedCriterion } from './compare.ts'
import type { CostLine } from './costs.ts'
import type { OrderVerdict } from './flips.ts'
import { roundName } from './format.ts'
import type { Cell, Table } from './table.ts'
import type { ConfigKey, RoundOverview } from './wire.ts'

/** Results of one suite. */
export function suiteTable(results: RoundOverview['evaluations']): Table {
  return {
    header: ['policy', 'sampled', 'sampled low', 'sampled high', 'greedy', 'valid', 'words', 'not judged'],
    rows: results.map(({ round, sampled, greedy, validity, meanAnswerWords, unscored }) => [
      roundName(round),
      ...intervalCells(sampled),
      greedy?.mean ?? null,
      validity,
      meanAnswerWords,
      unscored,
    ]),
  }
}

/** Mean and ends of an interval. */
export function intervalCells(of: { mean: number; low: number; high: number } | null): Cell[] {
  return of === null ? [null, null, null] : [of.mean, of.low, of.high]
}

/** @param costOf a line, where it can be told */
export function costTable(lines: readonly CostLine[], costOf: (line: CostLine) => number | null): Table {
  return {
    header: ['stage', 'model', 'calls', 'tokens in', 'tokens out', 'cost'],
    rows: lines.map((line) => [
      line.stage,
      line.model,
      line.calls,
      line.promptTokens,
      line.completionTokens,
      costOf(line),
    ]),
  }
}

/** `in flight`: mean number of calls at work; `seconds`: from the first call's start to the last one's end. */
export function stageTable(rounds: readonly RoundOverview[]): Table {
  return {
    header: ['round', 'stage', 'calls', 'samples', 'cut off', 'tokens in', 'tokens out', 'in flight', 'seconds'],
    rows: rounds.flatMap(({ round, stages }) =>
      stages.map((one) => [
        round,
        one.stage,
        one.calls,
        one.samples,
        one.cut,
        one.promptTokens,
        one.completionTokens,
        one.wallSeconds > 0 ? one.busySeconds / one.wallSeconds : null,
        one.wallSeconds,
      ]),
    ),
  }
}

/** What became of the questions: each status and each reason is a column. */
export function outcomeTable(rounds: readonly RoundOverview[]): Table {
  const kinds = [
    ['status', ({ statuses }: RoundOverview) => statuses],
    ['pair', ({ outcomes }: RoundOverview) => outcomes],
    ['not scored', ({ unscored }: RoundOverview) => unscored],
  ] as const
  const columns = kinds.flatMap(([kind, of]) =>
    [...new Set(rounds.flatMap((round) => Object.keys(of(round))))].map((name) => ({
      name: `${kind}: ${name}`,
      of: (round: RoundOverview) => of(round)[name] ?? 0,
    })),
  )
  return {
    header: ['round', 'questions', 'planned', 'answers', 'scored', ...columns.map(({ name }) => name)],
    rows: rounds.map((round) => [
      round.round,
      round.questions,
      round.plannedQuestions,
      round.candidates,
      round.scored,
      ...columns.map(({ of }) => of(round)),
    ]),
  }
}

/** The checks of the last report, their values by round. A share is 0 to 1. */
export function healthTable(told: readonly { readonly round: number; readonly health: HealthReport }[]): Table {
  const checkIn = (health: HealthReport, name: string): HealthReport['checks'][number] | undefined =>
    health.checks.find((one) => one.name === name)
  return {
    header: [
      'check',
      'unit',
      ...told.flatMap(({ round }) => [roundName(round), `${roundName(round)}, of`]),
      'warns',
      'stops',
    ],
    rows: (told.at(-1)?.health.checks ?? []).map(({ name, label, unit, warn, stop }) => [
      label,
      unit,
      ...told.flatMap(({ health }) => [checkIn(health, name)?.value ?? null, checkIn(health, name)?.of ?? null]),
      ...[warn, stop].map((limit) => (limit === false ? null : limit)),
    ]),
  }
}

export function configTable(keys: readonly ConfigKey[]): Table {
  return {
    header: ['key', 'value', 'default'],
    rows: keys.map(({ key, value, standard }) => [key, cellOf(value), cellOf(standard)]),
  }
}

export function questionTable(questions: readonly ComparedQuestion[]): Table {
  return {
    header: ['question', 'before', 'after', 'change'],
    rows: questions.map(({ id, before, after, change }) => [id, before.score, after.score, change]),
  }
}

export function criterionTable(moved: readonly MovedCriterion[]): Table {
  return {
    header: ['criterion', 'before', 'after', 'change', 'ratings before', 'ratings after'],
    rows: moved.map(({ name, before, after, change }) => [
      name,
      before.mean,
      after.mean,
      change,
      before.rated,
      after.rated,
    ]),
  }
}

export function flipTable(comparisons: readonly Comparison[], verdicts: readonly OrderVerdict[]): Table {
  return {
    header: ['first', 'second', 'first shown first', 'first shown second', 'mean', 'verdict'],
    rows: comparisons.map(({ first, second, shownFirst, shownSecond, value }, i) => [
      first,
      second,
      shownFirst,
      shownSecond,
      value,
      verdicts[i] ?? null,
    ]),
  }
}

export function rubricTable(rubric: Rubric): Table {
  return {
    header: ['criterion', 'weight', 'gold', 'description'],
    rows: rubric.map(({ name, weight, gold, description }) => [name, weight, gold, description]),
  }
}

function cellOf(value: unknown): Cell {
  if (value === undefined || value === null) return null
  const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
  return isPlain ? value : JSON.stringify(value)
}
