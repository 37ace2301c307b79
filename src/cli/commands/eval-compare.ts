/** `pop eval compare`: two results, or the runs of two recipes, on the questions that both answered. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { errorMessage, InputError, UsageError } from '../../core/errors.ts'
import { isJsonObject, parseJson } from '../../core/json.ts'
import { compareResults, regression, type Comparison } from '../../evaluation/index.ts'
import { readResults } from '../../pipeline/index.ts'
import { suiteResultSchema, type SuiteResult } from '../../records/index.ts'
import { RunReader } from '../../store/index.ts'
import { refuseRegressions } from '../check-regression.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { table } from '../format.ts'

export const evalCompare: Command = {
  name: 'eval compare',
  summary: 'hold two results, or the runs of two recipes, against each other',
  usage: 'BEFORE[,BEFORE] AFTER[,AFTER]',
  examples: [
    ['pop eval compare runs/my-run@0 runs/my-run@3', 'a run before its first and after its third round'],
    ['pop eval compare evals/base evals/trained', 'two folders that pop eval wrote'],
    ['pop eval compare a1.json,a2.json b1.json,b2.json', 'several seeds on each side, pooled over questions and runs'],
  ],
  options: {
    suite: { value: 'NAME', help: 'only this suite (default: all that both sides have)' },
    'max-regression': { value: 'X', help: 'exit with 3 when a suite lost more than this, or cannot be compared' },
    seed: { value: 'N', help: 'of the resampling (default 0)' },
    json: { ...jsonOption, help: 'print { comparisons }' },
  },
  positionals: { min: 2, max: 2 },
  run: runCompare,
}

async function runCompare(invocation: Invocation, { terminal }: Context): Promise<void> {
  const [before, after] = await Promise.all(invocation.positionals.map(readSide))
  const seed = invocation.number('seed', { integer: true, min: 0 }) ?? 0
  const only = invocation.text('suite')
  const comparisons = sharedSuites(before ?? [], after ?? [])
    .filter((suite) => only === undefined || suite === only)
    .map((suite) => compareResults(pick(before ?? [], suite), pick(after ?? [], suite), seed))
  if (comparisons.length === 0) throw new InputError('the two sides share no suite')
  await terminal.write(
    invocation.has('json') ? `${JSON.stringify({ comparisons })}\n` : `${comparisonText(comparisons)}\n`,
  )
  const allowed = invocation.number('max-regression', { min: 0 })
  if (allowed === undefined) return
  const lost = comparisons.flatMap((comparison) => regression(comparison, allowed) ?? [])
  refuseRegressions(lost, { between: '', limit: `--max-regression (${allowed})` })
}

/** One list of results per run of a side. */
type Side = readonly (readonly SuiteResult[])[]

async function readSide(text: string): Promise<Side> {
  return Promise.all(text.split(',').map(readOne))
}

/** A JSON file, a folder with the last round's results, or `FOLDER@ROUND`. */
async function readOne(text: string): Promise<readonly SuiteResult[]> {
  if (/\.json$/i.test(text)) return readJsonFile(text)
  const [, dir = text, round] = /^(.*)@(\d+)$/.exec(text) ?? []
  if (!existsSync(dir)) throw new InputError(`${dir} does not exist; give a run, a folder of pop eval or a .json file`)
  const reader = await RunReader.open(dir)
  const rounds = round === undefined ? (await reader.rounds()).reverse() : [Number(round)]
  for (const candidate of rounds) {
    const results = await readResults(reader, candidate)
    if (results.length > 0) return results
  }
  throw new InputError(`${text} holds no results; make them with pop eval`)
}

/** An `evaluation.json`, or what `pop eval --json` printed. */
async function readJsonFile(path: string): Promise<readonly SuiteResult[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new InputError(`${path} cannot be read: ${errorMessage(error)}`)
  })
  const json = parseJson(text)
  if (!json.ok) throw new InputError(`${path} is not JSON: ${json.message}`)
  const list = isJsonObject(json.value) ? json.value['results'] : json.value
  const results = z.array(suiteResultSchema).safeParse(list)
  if (results.success && results.data.length > 0) return results.data
  throw new InputError(`${path} holds no results of pop eval`)
}

function sharedSuites(before: Side, after: Side): string[] {
  const names = (before[0] ?? []).map(({ suite }) => suite)
  return names.filter((name) => [...before, ...after].every((run) => run.some(({ suite }) => suite === name)))
}

/** One result per run; a run with several rounds in one file gives its last. */
function pick(side: Side, suite: string): SuiteResult[] {
  return side.map((run) => {
    const last = run.filter((result) => result.suite === suite).at(-1)
    if (last === undefined) throw new UsageError(`no results of ${suite}`)
    return last
  })
}

/** A table and the reasons for caution below it. */
export function comparisonText(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ suite, before, after, difference, test, detectable }) => [
    suite,
    before === null ? '–' : before.toFixed(3),
    after === null ? '–' : after.toFixed(3),
    difference === null ? '–' : signed(difference.mean),
    difference === null ? '–' : `[${signed(difference.low)}, ${signed(difference.high)}]`,
    test === null ? '–' : test.p < 0.001 ? '< 0.001' : test.p.toFixed(3),
    detectable === null ? '–' : detectable.toFixed(3),
    String(difference?.n ?? 0),
  ])
  const notes = comparisons.flatMap(({ suite, runs, test, judges, left, warnings }) => [
    `${suite}: judged by ${judges.join(' and ')}${test === null ? '' : `; ${test.test}`}; runs ${runs.before} and ${runs.after}`,
    ...(left === 0 ? [] : [`  left out, because not every result has a score of them: ${left} questions`]),
    ...warnings.map((warning) => `  caution: ${warning}`),
  ])
  const header = ['suite', 'before', 'after', 'change', '95 % interval', 'p', 'detectable', 'n']
  return [table(header, rows), '', ...notes].join('\n')
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`
}
