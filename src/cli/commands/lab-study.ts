/** `pop lab study`: what the method's choices do where truth is known: short runs of each variant over seeds, judged by the oracle. */
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { UsageError } from '../../core/errors.ts'
import { hashValue } from '../../core/hash.ts'
import { parseJson } from '../../core/json.ts'
import { modelFingerprint } from '../../engine/index.ts'
import { createWorld, LAB_MODEL_DIR } from '../../lab/index.ts'
import {
  signalQuality,
  STUDY_SETTINGS,
  STUDY_VARIANT_NAMES,
  studyConfig,
  studyMarkdown,
  studyRows,
  studyVariant,
  type StudyRun,
  type StudySettings,
  type StudyVariantName,
} from '../../lab/study/index.ts'
import type { RunSummary } from '../../pipeline/index.ts'
import { exampleSchema, preferencePairSchema, type Config, type SuiteResult } from '../../records/index.ts'
import { readJsonl, RunReader, writeFileAtomic } from '../../store/index.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { playLab } from '../play-lab.ts'

const defaultSeeds = [45, 46, 47]

export const labStudy: Command = {
  name: 'lab study',
  summary: 'measure in the laboratory what the choices of the method do to the signal and to the outcome',
  usage: '',
  examples: [
    [
      'pop lab study',
      `${STUDY_VARIANT_NAMES.length} variants over ${defaultSeeds.length} seeds; goes on where it stopped`,
    ],
    ['pop lab study --variants pointwise,pairwise --seeds 45,46,47,48,49', 'two of them, more seeds'],
    ['pop lab study --json', 'all figures of all runs as JSON on stdout'],
  ],
  options: {
    variants: { value: 'a,b', help: `some of ${STUDY_VARIANT_NAMES.join(', ')} (default all)` },
    seeds: {
      value: 'N,N',
      help: `of whole runs (default ${defaultSeeds.join(',')}); at least three give an interval worth the name`,
    },
    rounds: { value: 'N', help: `of each run (default ${STUDY_SETTINGS.rounds})` },
    documents: { value: 'N', help: `per round (default ${STUDY_SETTINGS.documents})` },
    candidates: {
      value: 'N',
      help: `answers per question (default ${STUDY_SETTINGS.candidates}); pairwise compares every two in both orders`,
    },
    model: { value: 'DIR', help: 'another laboratory checkpoint than the one that comes with pop' },
    out: {
      value: 'DIR',
      help: 'the folder of runs and results (default runs/study); finished runs in it are not played again',
    },
    json: jsonOption,
  },
  positionals: { min: 0, max: 0 },
  run: runLabStudy,
}

interface Study {
  readonly out: string
  readonly settings: StudySettings
  readonly model: string | undefined
  readonly seeds: readonly number[]
  readonly variants: readonly StudyVariantName[]
}

async function runLabStudy(invocation: Invocation, context: Context): Promise<void> {
  const { terminal, signal } = context
  const study = readStudy(invocation)
  await mkdir(study.out, { recursive: true })
  const runs: StudyRun[] = []
  const plays = study.variants.flatMap((variant) => study.seeds.map((seed) => ({ variant, seed })))
  for (const [i, { variant, seed }] of plays.entries()) {
    signal.throwIfAborted()
    terminal.say(`${variant}, seed ${seed} (${i + 1} of ${plays.length})`)
    runs.push(await storedRun(study, variant, seed, context))
    await writeResults(study, runs)
  }
  const rows = studyRows(runs)
  const path = join(study.out, 'study.md')
  if (invocation.has('json')) await terminal.write(`${JSON.stringify({ settings: study.settings, rows, runs })}\n`)
  else await terminal.write(`${studyMarkdown(rows)}\nresults: ${path}\n`)
}

function readStudy(invocation: Invocation): Study {
  const count = (option: 'rounds' | 'documents' | 'candidates', min: number): number =>
    invocation.number(option, { integer: true, min }) ?? STUDY_SETTINGS[option]
  return {
    out: invocation.text('out') ?? join('runs', 'study'),
    settings: { rounds: count('rounds', 1), documents: count('documents', 1), candidates: count('candidates', 2) },
    model: invocation.text('model'),
    seeds: readSeeds(invocation.text('seeds')),
    variants: readVariants(invocation.text('variants')),
  }
}

function readSeeds(text: string | undefined): number[] {
  if (text === undefined) return defaultSeeds
  const seeds = text.split(',').map((part) => (/^\s*\d{1,9}\s*$/.test(part) ? Number(part) : Number.NaN))
  if (seeds.some(Number.isNaN))
    throw new UsageError(`--seeds takes whole numbers with commas between them, not "${text}"`)
  return [...new Set(seeds)]
}

function readVariants(text: string | undefined): StudyVariantName[] {
  if (text === undefined) return STUDY_VARIANT_NAMES
  return text.split(',').map((part) => {
    const found = STUDY_VARIANT_NAMES.find((name) => name === part.trim())
    if (found !== undefined) return found
    throw new UsageError(`--variants: there is no "${part.trim()}"; known: ${STUDY_VARIANT_NAMES.join(', ')}`)
  })
}

const signalSchema = z.strictObject({
  pairAccuracy: z.number().nullable(),
  pairsJudged: z.int(),
  pairs: z.int(),
  orderAccuracy: z.number().nullable(),
  rankWithin: z.number().nullable(),
  rankPooled: z.number().nullable(),
  questionsKnown: z.int(),
  questions: z.int(),
})
const storedSchema = z.strictObject({
  /** Of configuration and weights: a run of other settings is not taken for this one. */
  key: z.string(),
  run: z.strictObject({
    variant: z.enum(STUDY_VARIANT_NAMES),
    seed: z.int(),
    signal: signalSchema,
    before: z.number(),
    after: z.number(),
    greedyBefore: z.number(),
    greedyAfter: z.number(),
    wordsBefore: z.number().nullable(),
    wordsAfter: z.number().nullable(),
    lowestValidity: z.number(),
    parts: z.record(z.string(), z.number()),
    seconds: z.number(),
  }),
})

/** The run's figures, from its file where there is one, otherwise played. */
async function storedRun(study: Study, variant: StudyVariantName, seed: number, context: Context): Promise<StudyRun> {
  const config = studyConfig(variant, seed, study.settings, study.model)
  // By its weights and not by where it lies.
  const { model: _model, ...played } = config
  const key = hashValue({ played, weights: modelFingerprint(study.model ?? LAB_MODEL_DIR) ?? '' })
  const name = `${variant}-${seed}-${key.slice(0, 8)}`
  const file = join(study.out, `${name}.json`)
  const json = parseJson(await readFile(file, 'utf8').catch(() => ''))
  const stored = storedSchema.safeParse(json.ok ? json.value : undefined)
  if (stored.success && stored.data.key === key) return stored.data.run
  const run = await playRun(config, variant, join(study.out, name), context)
  await writeFileAtomic(file, `${JSON.stringify({ key, run })}\n`)
  return run
}

/** Weights are not kept: the same command makes them again. */
async function playRun(config: Config, variant: StudyVariantName, runDir: string, context: Context): Promise<StudyRun> {
  const { clock } = context
  const started = clock.monotonic()
  const summary = await playLab({ config, runDir, task: studyVariant(variant).task }, context)
  const run = await figuresOf(summary, config, variant, (clock.monotonic() - started) / 1000)
  for (const { round } of summary.rounds)
    await rm(new RunReader(runDir).round(round).checkpoint, { recursive: true, force: true })
  return run
}

async function figuresOf(
  { runDir, rounds }: RunSummary,
  config: Config,
  variant: StudyVariantName,
  seconds: number,
): Promise<StudyRun> {
  const { task } = studyVariant(variant)
  const { examples, pairs } = (await RunReader.open(runDir)).round(1)
  const results = rounds.flatMap(({ results: all }) => all.filter(({ suite }) => suite === 'oracle'))
  const [first, last] = [oracleOf(results.at(0)), oracleOf(results.at(-1))]
  const parts = results.at(-1)?.breakdown ?? []
  return {
    variant,
    seed: config.seed,
    signal: signalQuality(
      createWorld(),
      task,
      await collect(readJsonl(examples, exampleSchema)),
      await collect(readJsonl(pairs, preferencePairSchema)),
    ),
    before: first.sampled,
    after: last.sampled,
    greedyBefore: first.greedy,
    greedyAfter: last.greedy,
    wordsBefore: first.words,
    wordsAfter: last.words,
    lowestValidity: Math.min(...results.map(({ validity }) => validity ?? 0)),
    parts: Object.fromEntries(parts.flatMap(({ name, value }) => (value === null ? [] : [[name, value.mean]]))),
    seconds,
  }
}

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const value of values) all.push(value)
  return all
}

/** An oracle that judged nothing judged invalid answers alone: 0. */
function oracleOf(result: SuiteResult | undefined): { sampled: number; greedy: number; words: number | null } {
  return {
    sampled: result?.sampled?.mean ?? 0,
    greedy: result?.greedy?.mean ?? 0,
    words: result?.meanAnswerWords ?? null,
  }
}

async function writeResults({ out, settings }: Study, runs: readonly StudyRun[]): Promise<void> {
  const rows = studyRows(runs)
  await writeFileAtomic(join(out, 'study.md'), studyMarkdown(rows))
  await writeFileAtomic(join(out, 'study.json'), `${JSON.stringify({ settings, rows, runs }, null, 2)}\n`)
}
