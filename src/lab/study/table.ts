/** The study's results over seeds, as rows and as Markdown. Pure. */
import { studentInterval } from '../../evaluation/index.ts'
import type { Estimate } from '../../records/index.ts'
import type { SignalQuality } from './signal.ts'
import { STUDY_VARIANTS, studyVariant } from './variants.ts'
import type { StudyVariantName } from './variants.ts'

/** One run of one variant. The oracle's scores are of held-out questions. */
export interface StudyRun {
  variant: StudyVariantName
  seed: number
  /** The first round's: there, all variants of a task judge with the same weights. */
  signal: SignalQuality
  before: number
  after: number
  greedyBefore: number
  greedyAfter: number
  wordsBefore: number | null
  wordsAfter: number | null
  lowestValidity: number
  /** Parts of the oracle's score after training, where it has parts. */
  parts: Record<string, number>
  seconds: number
}

/** Means over seeds with the 95 % t-interval of the mean; null where no run had a value. */
export interface StudyRow {
  variant: StudyVariantName
  seeds: number[]
  pairAccuracy: Estimate | null
  orderAccuracy: Estimate | null
  rankWithin: Estimate | null
  rankPooled: Estimate | null
  pairs: Estimate | null
  before: Estimate | null
  after: Estimate | null
  gain: Estimate | null
  /** Gain less the default's with the same seed; null for other tasks, and where the default was not played. */
  gainOverDefault: Estimate | null
  greedyBefore: Estimate | null
  greedyAfter: Estimate | null
  wordsBefore: Estimate | null
  wordsAfter: Estimate | null
  lowestValidity: number
  seconds: number
}

/** One row for each variant that has runs, in the order of the runs. */
export function studyRows(runs: readonly StudyRun[]): StudyRow[] {
  const variants = [...new Set(runs.map(({ variant }) => variant))]
  const byDefault = new Map(runs.flatMap((run) => (run.variant === 'pointwise' ? [[run.seed, gainOf(run)]] : [])))
  return variants.map((variant) => {
    const own = runs.filter((run) => run.variant === variant)
    const comparable = variant !== 'pointwise' && studyVariant(variant).task === 'lab'
    const differences = own.flatMap((run) => {
      const other = byDefault.get(run.seed)
      return comparable && other !== undefined ? gainOf(run) - other : []
    })
    return { ...rowOf(variant, own), gainOverDefault: studentInterval(differences) }
  })
}

function gainOf({ before, after }: StudyRun): number {
  return after - before
}

function rowOf(variant: StudyVariantName, runs: readonly StudyRun[]): Omit<StudyRow, 'gainOverDefault'> {
  const over = (pick: (run: StudyRun) => number | null): Estimate | null =>
    studentInterval(runs.flatMap((run) => pick(run) ?? []))
  return {
    variant,
    seeds: runs.map(({ seed }) => seed),
    pairAccuracy: over(({ signal }) => signal.pairAccuracy),
    orderAccuracy: over(({ signal }) => signal.orderAccuracy),
    rankWithin: over(({ signal }) => signal.rankWithin),
    rankPooled: over(({ signal }) => signal.rankPooled),
    pairs: over(({ signal }) => signal.pairs),
    before: over(({ before }) => before),
    after: over(({ after }) => after),
    gain: over(gainOf),
    greedyBefore: over(({ greedyBefore }) => greedyBefore),
    greedyAfter: over(({ greedyAfter }) => greedyAfter),
    wordsBefore: over(({ wordsBefore }) => wordsBefore),
    wordsAfter: over(({ wordsAfter }) => wordsAfter),
    lowestValidity: Math.min(...runs.map((run) => run.lowestValidity)),
    seconds: runs.reduce((sum, { seconds }) => sum + seconds, 0),
  }
}

const HEAD =
  'variant,seeds,pair accuracy,order accuracy,rank within,rank pooled,pairs,before,after,gain,gain over default,greedy before → after,words before → after,lowest validity'.split(
    ',',
  )

/** A Markdown table, and under it what each variant is. */
export function studyMarkdown(rows: readonly StudyRow[]): string {
  const lines = rows.map((row) => {
    const { variant, seeds, lowestValidity } = row
    return [
      `\`${variant}\``,
      seeds.join(' '),
      ...[row.pairAccuracy, row.orderAccuracy, row.rankWithin, row.rankPooled].map((value) => shown(value)),
      shown(row.pairs, 0),
      ...[row.before, row.after].map((value) => shown(value)),
      `**${shown(row.gain, 3, true)}**`,
      shown(row.gainOverDefault, 3, true),
      `${middle(row.greedyBefore, 3)} → ${middle(row.greedyAfter, 3)}`,
      `${middle(row.wordsBefore, 1)} → ${middle(row.wordsAfter, 1)}`,
      lowestValidity.toFixed(3),
    ]
  })
  const table = [HEAD, HEAD.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`)
  const about = rows.map(({ variant }) => `- \`${variant}\`: ${STUDY_VARIANTS[variant].about}`)
  return `${[...table, '', ...about].join('\n')}\n`
}

/** `0.716 ± 0.039`; without an interval where there is one seed. */
function shown(value: Estimate | null, digits = 3, signed = false): string {
  if (value === null) return '–'
  const sign = signed && value.mean >= 0 ? '+' : ''
  const half = value.n < 2 ? '' : ` ± ${((value.high - value.low) / 2).toFixed(digits)}`
  return `${sign}${value.mean.toFixed(digits)}${half}`.replace('-', '−')
}

function middle(value: Estimate | null, digits: number): string {
  return value === null ? '–' : value.mean.toFixed(digits)
}
