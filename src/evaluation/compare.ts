/**
 * Two policies, or the runs of two recipes, held against each other on the questions that both answered: how much, how
 * sure, and how small a difference would have shown. Pure.
 */
import type { Estimate, SuiteResult } from '../records/index.ts'
import { detectableFromDifferences, pairedTest, pooledDifference, type PairedTest } from './inference.ts'
import { otherQuestions } from './held-out/same-questions.ts'
import { finiteOrNull, mean } from './statistics.ts'

export interface Comparison {
  readonly suite: string
  /** Who judged each side; where they differ, the figures are not of one kind. */
  readonly judges: readonly string[]
  /** Runs on each side. */
  readonly runs: { readonly before: number; readonly after: number }
  /** Mean score of each side over the shared questions; null when they share none. */
  readonly before: number | null
  readonly after: number | null
  /** `after − before` with its 95 % interval; `n` counts the shared questions. Null when they share none. */
  readonly difference: Estimate | null
  /** Over the questions' means; null when they share none. */
  readonly test: PairedTest | null
  /** Smallest true difference that these questions show (power 80 %). */
  readonly detectable: number | null
  /** Questions that were not scored in every result; those that are not the same on both sides are named in `warnings`. */
  readonly left: number
  /** Reasons not to trust the comparison: other data, other judges, other limits. */
  readonly warnings: readonly string[]
}

/** Compares results of one suite; a list holds the runs (seeds) of one side. */
export function compareResults(
  before: readonly SuiteResult[],
  after: readonly SuiteResult[],
  seed: number | string,
): Comparison {
  const all = [...before, ...after]
  const tables = all.map(scoreTable)
  const other = otherQuestions(before, after)
  const shared = [...(tables[0]?.keys() ?? [])].filter((id) => !other.has(id) && tables.every((table) => table.has(id)))
  const union = new Set(tables.flatMap((table) => [...table.keys()]))
  const aligned = tables.map((table) => shared.map((id) => table.get(id) ?? 0))
  const [left, right] = [aligned.slice(0, before.length), aligned.slice(before.length)]
  const [meanLeft, meanRight] = [meanOver(left, shared.length), meanOver(right, shared.length)]
  return {
    suite: all[0]?.suite ?? '',
    judges: [...new Set(all.map(({ judge }) => judge))],
    runs: { before: before.length, after: after.length },
    before: finiteOrNull(mean(meanLeft)),
    after: finiteOrNull(mean(meanRight)),
    difference: pooledDifference(left, right, seed),
    test: pairedTest(meanLeft, meanRight, seed),
    detectable: detectableFromDifferences(meanRight.map((value, i) => value - (meanLeft[i] ?? 0))),
    left: [...union].filter((id) => !other.has(id)).length - shared.length,
    warnings: [...warningsOf(all), ...otherWarning(other.size)],
  }
}

function otherWarning(count: number): string[] {
  return count === 0
    ? []
    : [`questions not compared, because the sides were asked different ones about the same document: ${count}`]
}

function scoreTable({ perQuestion }: SuiteResult): Map<string, number> {
  return new Map(perQuestion.flatMap(({ id, score }) => (score === null ? [] : [[id, score] as const])))
}

/** Each question's mean over the runs. */
function meanOver(runs: readonly (readonly number[])[], questions: number): number[] {
  return Array.from({ length: questions }, (_, i) => mean(runs.map((run) => run[i] ?? 0)))
}

function warningsOf(results: readonly SuiteResult[]): string[] {
  const differ = (pick: (result: SuiteResult) => unknown): boolean =>
    new Set(results.map((result) => JSON.stringify(pick(result) ?? null))).size > 1
  return [
    ...(differ(({ judge }) => judge) ? ['the judges differ: the two figures do not measure the same thing'] : []),
    ...(differ(({ data }) => data?.map(({ sha256 }) => sha256)) ? ['the data files differ'] : []),
    ...(differ(({ protocol }) => protocol) ? ['the protocols differ'] : []),
    ...(differ((result) => result.sampled === null) ? ['one side is sampled, the other greedy'] : []),
  ]
}

/** A suite whose score fell by more than is allowed, or of which that cannot be ruled out. */
export interface Regression {
  readonly suite: string
  /** Mean over the shared questions, positive; null where none is shared, so that the two cannot be compared. */
  readonly loss: number | null
}

/** Suites that lost more than `allowed`. What cannot be compared has not passed. */
export function regressions(
  before: readonly SuiteResult[],
  after: readonly SuiteResult[],
  allowed: number,
  seed: number | string,
): Regression[] {
  return before.flatMap((first) => {
    const last = after.find(({ suite }) => suite === first.suite)
    if (last === undefined) return []
    return regression(compareResults([first], [last], seed), allowed) ?? []
  })
}

/** Null where no more than `allowed` was lost. */
export function regression({ suite, difference }: Comparison, allowed: number): Regression | null {
  if (difference === null) return { suite, loss: null }
  const loss = -difference.mean
  return loss > allowed ? { suite, loss } : null
}
