/**
 * Judges the stored answers of a run again, under settings that may have changed, and pairs them anew. Samples nothing.
 * Emits events; prints nothing.
 */
import { systemClock, type Clock } from '../core/clock.ts'
import { InputError } from '../core/errors.ts'
import { modelFingerprint } from '../engine/index.ts'
import type { LanguageModelDeps } from '../llm/index.ts'
import {
  exampleSchema,
  healthReportSchema,
  type Config,
  type Example,
  type HealthReport,
  type LanguageModel,
  type OnRunEvent,
  type SkipReason,
  type UnscoredReason,
} from '../records/index.ts'
import type { TaskProfile } from '../roles/index.ts'
import { RunFolder, StoredLines } from '../store/index.ts'
import { synthesizeTo, type StoredExamples, type SynthesisEvent } from '../synthesis/index.ts'
import { ModelHouse } from './models.ts'
import { RoundYield } from './round-yield.ts'
import { synthesisProgress } from './synthesis-progress.ts'

export interface RescoreOptions {
  readonly runDir: string
  /** The run's own, or another one: its `roles`, `scoring`, `curation` and `pairing` count. */
  readonly config: Config
  readonly task: TaskProfile
  /** Default: every round that has examples. */
  readonly round?: number | undefined
  /** Only questions in which something could not be judged. */
  readonly failedOnly: boolean
  readonly deps?: LanguageModelDeps
  readonly clock?: Clock
  readonly onEvent?: OnRunEvent
  readonly signal?: AbortSignal
}

export interface RescoredRound {
  readonly round: number
  readonly examples: Readonly<Partial<Record<Example['status'], number>>>
  readonly scored: number
  /** Answers without a score, by reason. */
  readonly unscored: Readonly<Partial<Record<UnscoredReason, number>>>
  /** Calls that had to be made; the others were in the journal. */
  readonly calls: number
  readonly pairs: number
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>
}

/**
 * Replaces `examples.jsonl`, `pairs.jsonl` and `health.json` of the rounds, and `config.json`.
 * @throws {InputError} when there is nothing to judge; {RunFolderError} when the folder is taken; {InterruptedError},
 * {BudgetError}, {EndpointError} with everything finished saved: the same command goes on.
 */
export async function rescoreRun(options: RescoreOptions): Promise<RescoredRound[]> {
  const models = new ModelHouse(options.config, options.deps ?? { env: {} }, options.signal)
  const folder = await RunFolder.open(options.runDir)
  try {
    const rounds: RescoredRound[] = []
    for (const round of options.round === undefined ? await folder.rounds() : [options.round]) {
      const examples = await examplesOf(folder, round)
      if (examples === null) continue
      try {
        if (examples.count > 0) rounds.push(await rescoreRound(options, { folder, models, round, examples }))
      } finally {
        await examples.close()
      }
    }
    if (rounds.length === 0) throw new InputError(`${folder.dir} has no examples to score; run its synthesis first`)
    await folder.writeConfig(options.config)
    return rounds
  } finally {
    await models.release()
    await folder.close()
  }
}

interface RoundToScore {
  readonly folder: RunFolder
  readonly models: ModelHouse
  readonly round: number
  readonly examples: StoredExamples
}

async function rescoreRound(options: RescoreOptions, wanted: RoundToScore): Promise<RescoredRound> {
  const { folder, round, examples } = wanted
  const { config, onEvent = (): void => undefined } = options
  onEvent({ type: 'stage', round, stage: 'score', state: 'started', total: examples.count })
  const yielded = new RoundYield(round, config, [])
  const answers = new AnswerCounts()
  const calls = await judgeAgain(options, wanted, (example) => {
    yielded.add(example)
    answers.add(example)
  })
  const { pairs, skipped } = yielded.pairs()
  await folder.writeJsonl(folder.round(round).pairs, pairs)
  const health = await renewHealth(folder, yielded.health.finish({ pairs: pairs.length, skipped }))
  onEvent({ type: 'health', report: health })
  const { scored, unscored } = answers
  const summary = `${scored} answers scored, ${calls} calls`
  onEvent({ type: 'stage', round, stage: 'score', state: 'finished', summary })
  return { round, examples: yielded.examples, scored, unscored, calls, pairs: pairs.length, skipped }
}

/** Replaces the round's examples, which pass by `see` in their order. Returns how many calls were made. */
async function judgeAgain(
  options: RescoreOptions,
  { folder, models, round, examples }: RoundToScore,
  see: (example: Example) => void,
): Promise<number> {
  const { config, task, failedOnly, signal, clock = systemClock, onEvent = (): void => undefined } = options
  const progress = synthesisProgress(round, examples.count, onEvent)
  let calls = 0
  const writer = await folder.openJsonl(folder.round(round).examples)
  try {
    await synthesizeTo(
      {
        round,
        documents: [],
        stored: { examples, failedOnly },
        task,
        models: models.roles(policyOf(folder, models, round)),
        settings: { synthesis: config.synthesis, scoring: config.scoring, curation: config.curation },
        journal: folder.journal,
        seed: config.seed,
        concurrency: config.synthesis.concurrency,
        budget: models.budget,
        signal,
        clock,
        onEvent: (event: SynthesisEvent) => {
          if (event.type === 'callStarted') calls++
          progress(event)
        },
      },
      async (example) => {
        see(example)
        await writer.write(example)
      },
    )
    await writer.commit()
  } catch (error) {
    await writer.discard()
    throw error
  }
  return calls
}

/** What was measured of the questions against evaluation sets stays: they are the same questions, and no set is read here. */
async function renewHealth(folder: RunFolder, report: HealthReport): Promise<HealthReport> {
  const path = folder.round(report.round).health
  const before = await folder.readJson(path, healthReportSchema).catch(() => null)
  const overlap = before?.checks.find(({ name }) => name === 'evaluationOverlap')
  const renewed =
    before === null || overlap === undefined
      ? report
      : {
          ...report,
          overlaps: before.overlaps,
          checks: report.checks.map((check) => (check.name === overlap.name ? overlap : check)),
        }
  await folder.writeJson(path, renewed)
  return renewed
}

/** Who played the round: the weights of the latest round before it that trained, else those the run began with. */
function policyOf(folder: RunFolder, models: ModelHouse, round: number): LanguageModel {
  for (let before = round - 1; before >= 1; before--) {
    const { checkpoint } = folder.round(before)
    if (modelFingerprint(checkpoint) !== undefined) return models.checkpoint(checkpoint, `round-${before}`)
  }
  return models.initialPolicy
}

/** Null when the round was not played to its end. */
async function examplesOf(folder: RunFolder, round: number): Promise<StoredLines<Example> | null> {
  const found = await folder.examplesSoFar(round)
  return found?.finished === true ? StoredLines.open(found.path, exampleSchema) : null
}

/** How many answers have a score, and why the others have none. */
class AnswerCounts {
  scored = 0
  readonly unscored: Partial<Record<UnscoredReason, number>> = {}

  add({ candidates }: Example): void {
    for (const { score } of candidates) {
      if (score.status === 'scored') this.scored++
      else this.unscored[score.reason] = (this.unscored[score.reason] ?? 0) + 1
    }
  }
}
