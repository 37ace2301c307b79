/** Results of suites as a table, and what is said below it: what the figures cannot show, what is missing from them. */
import type { Estimate, SuiteResult } from '../records/index.ts'
import { estimate, table } from './format.ts'

/** One line per policy and suite. */
export function resultsTable(results: readonly SuiteResult[]): string {
  const rows = results.map((result) => {
    const main = scoreOf(result)
    return [
      result.policy,
      result.suite,
      estimate(main),
      String(main?.n ?? 0),
      result.unscored === 0 ? '' : String(result.unscored),
      result.detectable == null ? '–' : result.detectable.toFixed(3),
      seen(result),
      result.judge,
    ]
  })
  return table(['model', 'suite', 'score', 'n', 'not scored', 'detectable', 'seen', 'judge'], rows)
}

/** Share of the compared items that a training document overlaps; a dash where none was compared. */
function seen({ contamination }: SuiteResult): string {
  if (contamination === undefined) return '–'
  const compared = contamination.items - contamination.tooShort
  return compared === 0 ? '–' : `${((100 * contamination.overlapping) / compared).toFixed(1)} %`
}

/** The score that a suite is known by. */
export function scoreOf({ sampled, greedy }: SuiteResult): Estimate | null {
  return sampled ?? greedy
}

/** Parts, departures from the official protocol and failures of one result. */
export function resultNotes(result: SuiteResult): string[] {
  const parts = (result.breakdown ?? []).map(
    ({ name, of, value }) => `  ${of} ${name}: ${estimate(value)}${value === null ? '' : ` (n ${value.n})`}`,
  )
  const failures = result.failures ?? []
  return [
    `${result.suite}, judged by ${result.judge}${result.limit === undefined ? '' : `, ${result.limit} questions chosen by seed`}`,
    ...parts,
    ...heldOutNotes(result),
    ...(result.protocol === undefined ? [] : protocolLines(result.protocol)),
    ...contaminationLines(result),
    ...failureLine(failures, 'callFailed', 'calls failed and are left out; the same command tries them again'),
    ...failureLine(failures, 'unreadable', 'replies could not be read at any attempt and are left out'),
  ]
}

function contaminationLines({ contamination }: SuiteResult): string[] {
  if (contamination === undefined) return []
  const { words, documents, items, overlapping, tooShort, examples } = contamination
  const short = tooShort === 0 ? '' : ` (${tooShort} are shorter and were not compared)`
  const line = `  seen: ${overlapping} of ${items} items share ${words} words in a row with one of ${documents} training documents${short}`
  const [example] = examples
  return example === undefined ? [line] : [line, `    such as: ${example.replaceAll(/\s+/g, ' ')}`]
}

function failureLine(
  failures: NonNullable<SuiteResult['failures']>,
  wanted: NonNullable<SuiteResult['failures']>[number]['reason'],
  what: string,
): string[] {
  const found = failures.filter(({ reason }) => reason === wanted)
  const first = (found[0]?.message ?? '').replaceAll(/\s+/g, ' ')
  return found.length === 0 ? [] : [`  ${found.length} ${what}: ${first}`]
}

/** Of the held-out suite: the start, and the second judge. */
function heldOutNotes({ versusBase: won, secondJudgement: second }: SuiteResult): string[] {
  return [
    ...(won === undefined
      ? []
      : [
          `  against ${won.base}: win rate ${estimate(won.winRate)}, at equal length ${estimate(won.lengthControlled)} ` +
            `(n ${won.winRate?.n ?? 0}: ${won.wins} won, ${won.ties} tied, ${won.losses} lost; ${won.flips} orders flipped, ` +
            `${won.void} not judged${won.p === null ? '' : `; p ${won.p.toFixed(3)}`})`,
        ]),
    ...(second === undefined
      ? []
      : [
          `  second judge, ${second.judge}: ${estimate(second.sampled)} (n ${second.sampled?.n ?? 0})` +
            (second.parting === undefined ? '' : `; ${second.parting.verdict}, best round ${second.parting.best}`),
        ]),
  ]
}

function protocolLines({ official, departures }: NonNullable<SuiteResult['protocol']>): string[] {
  return [`  officially: ${official}`, ...departures.map((departure) => `  differs: ${departure}`)]
}
