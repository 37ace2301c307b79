/**
 * Judges the stored answers of a run again, under settings that may have changed, and pairs them anew. Samples nothing.
 * Emits events; prints nothing.
 */
import { systemClock, type Clock } from '../core/clock.ts'
import { InputError } from '../core/errors.ts'
import { modelFingerprint } from '../engine/index.ts'
import type { LanguageModelDeps } from '../llm/index.ts'
import { buildPairs, pairingSeed } from '../pairing/index.ts'
import { exampleSchema, type Config, type Example, type LanguageModel, type OnRunEvent } from '../records/index.ts'
import type { SkipReason, UnscoredReason } from '../records/index.ts'
import type { TaskProfile } from '../roles/index.ts'
import { readJsonl, RunFolder } from '../store/index.ts'
import { synthesizeTo, type SynthesisEvent } from '../synthesis/index.ts'
import { ModelHouse } from './models.ts'
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
 * Replaces `examples.jsonl` and `pairs.jsonl` of the rounds, and `config.json`.
 * @throws {InputError} when there is nothing to judge; {RunFolderError} when the folder is taken; {InterruptedError},
 * {BudgetError}, {EndpointError} with everything finished saved: the same command goes on.
 */
export async function rescoreRun(options: RescoreOptions): Promise<RescoredRound[]> {
  const models = new ModelHouse(options.config, options.deps ?? { env: {} })
  const folder = await RunFolder.open(options.runDir)
  try {
    const rounds: RescoredRound[] = []
    for (const round of options.round === undefined ? await folder.rounds() : [options.round]) {
      const examples = await examplesOf(folder, round)
      if (examples.length > 0) rounds.push(await rescoreRound(options, { folder, models, round, examples }))
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
  readonly examples: readonly Example[]
}

async function rescoreRound(
  options: RescoreOptions,
  { folder, models, round, examples }: RoundToScore,
): Promise<RescoredRound> {
  const { config, task, failedOnly, clock = systemClock } = options
  const onEvent = options.onEvent ?? ((): void => undefined)
  const total = examples.length
  onEvent({ type: 'stage', round, stage: 'score', state: 'started', total })
  const progress = synthesisProgress(round, total, onEvent)
  let calls = 0
  const writer = await folder.openJsonl(folder.round(round).examples)
  const judged: Example[] = []
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
        signal: options.signal,
        clock,
        onEvent: (event: SynthesisEvent) => {
          if (event.type === 'callStarted') calls++
          progress(event)
        },
      },
      async (example) => {
        judged.push(example)
        await writer.write(example)
      },
    )
    await writer.commit()
  } catch (error) {
    await writer.discard()
    throw error
  }
  const { pairs, skipped } = buildPairs(judged, config.pairing, pairingSeed(config.seed, round))
  await folder.writeJsonl(folder.round(round).pairs, pairs)
  const counts = countScores(judged)
  onEvent({
    type: 'stage',
    round,
    stage: 'score',
    state: 'finished',
    summary: `${counts.scored} answers scored, ${calls} calls`,
  })
  return { round, ...counts, calls, pairs: pairs.length, skipped }
}

/** Who played the round: the weights of the latest round before it that trained, else those the run began with. */
function policyOf(folder: RunFolder, models: ModelHouse, round: number): LanguageModel {
  for (let before = round - 1; before >= 1; before--) {
    const { checkpoint } = folder.round(before)
    if (modelFingerprint(checkpoint) !== undefined) return models.checkpoint(checkpoint, `round-${before}`)
  }
  return models.initialPolicy
}

/** None when the round was not played to its end. */
async function examplesOf(folder: RunFolder, round: number): Promise<Example[]> {
  const examples: Example[] = []
  const found = await folder.examplesSoFar(round)
  if (found?.finished !== true) return examples
  for await (const example of readJsonl(found.path, exampleSchema)) examples.push(example)
  return examples
}

function countScores(examples: readonly Example[]): Pick<RescoredRound, 'examples' | 'scored' | 'unscored'> {
  const statuses: Partial<Record<Example['status'], number>> = {}
  const unscored: Partial<Record<UnscoredReason, number>> = {}
  let scored = 0
  for (const { status, candidates } of examples) {
    statuses[status] = (statuses[status] ?? 0) + 1
    for (const { score } of candidates) {
      if (score.status === 'scored') scored++
      else unscored[score.reason] = (unscored[score.reason] ?? 0) + 1
    }
  }
  return { examples: statuses, scored, unscored }
}
