/** What a run folder holds, round by round, for whoever shows it. Reads only; knows no page and no terminal. */
import { stat } from 'node:fs/promises'
import { z } from 'zod'
import {
  exampleSchema,
  healthReportSchema,
  preferencePairSchema,
  suiteResultSchema,
  trainingStepSchema,
  type Config,
  type Example,
  type HealthReport,
  type PreferencePair,
  type RunManifest,
  type SuiteResult,
  type TrainingStep,
} from '../records/index.ts'
import { countLines, readJsonl, type RunReader } from '../store/index.ts'

/** The finished results of one round; 0 is what was measured before the first. */
export interface RoundData {
  readonly round: number
  readonly evaluations: readonly SuiteResult[]
  readonly steps: readonly TrainingStep[]
  /** Null while the file does not exist. */
  readonly pairs: number | null
  readonly examples: number | null
  /** Null while the round's signal was not measured. */
  readonly health: HealthReport | null
}

export interface RunData {
  readonly manifest: RunManifest | null
  readonly config: Config | null
  readonly rounds: readonly RoundData[]
}

/** Everything but the examples. @throws {RunFolderError | InputError} when a file is damaged */
export async function readRunData(reader: RunReader): Promise<RunData> {
  const rounds: RoundData[] = []
  for (const round of await reader.rounds()) rounds.push(await readRound(reader, round))
  return { manifest: await reader.readManifest(), config: await reader.readConfig(), rounds }
}

async function readRound(reader: RunReader, round: number): Promise<RoundData> {
  const paths = reader.round(round)
  return {
    round,
    evaluations: (await reader.readJson(paths.evaluation, z.array(suiteResultSchema))) ?? [],
    steps: (await exists(paths.metrics)) ? await collect(readJsonl(paths.metrics, trainingStepSchema)) : [],
    pairs: (await exists(paths.pairs)) ? await countLines(paths.pairs) : null,
    examples: (await exists(paths.examples)) ? await countLines(paths.examples) : null,
    health: await reader.readJson(paths.health, healthReportSchema),
  }
}

/** The examples of a round, one at a time; none while the file does not exist. */
export async function* readExamples(reader: RunReader, round: number): AsyncGenerator<Example> {
  const path = reader.round(round).examples
  if (await exists(path)) yield* readJsonl(path, exampleSchema)
}

/** The pairs of a round as the run made them, one at a time; none while the file does not exist. */
export async function* readPairs(reader: RunReader, round: number): AsyncGenerator<PreferencePair> {
  const path = reader.round(round).pairs
  if (await exists(path)) yield* readJsonl(path, preferencePairSchema)
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
