/** `pop train RUN`: the training stage of one round alone, exactly as `pop run` would do it, so that either goes on from the other. */
import { InputError } from '../core/errors.ts'
import type { Clock } from '../core/clock.ts'
import { systemClock } from '../core/clock.ts'
import {
  preferencePairSchema,
  trainingStepSchema,
  type Config,
  type OnRunEvent,
  type PreferencePair,
  type TrainingStep,
} from '../records/index.ts'
import type { LanguageModelDeps } from '../llm/index.ts'
import { readJsonl, RunFolder } from '../store/index.ts'
import { modelFingerprint } from '../engine/index.ts'
import { ModelHouse, type TrainingStart } from './models.ts'
import { trainRound } from './train-round.ts'

export interface TrainRunOptions {
  readonly runDir: string
  /** 1-based. */
  readonly round: number
  /** In place of the run's own. */
  readonly training?: Config['training']
  readonly deps?: LanguageModelDeps
  readonly clock?: Clock
  readonly onEvent?: OnRunEvent
  readonly signal?: AbortSignal
}

export interface TrainRunResult {
  readonly checkpoint: string
  readonly steps: TrainingStep[]
  readonly pairs: number
}

/**
 * Trains the pairs that a round of the run holds, from the weights that the round started with, into the round's checkpoint.
 * A training that the journal knows as done is not done again.
 * @throws {InputError} when the run has no pairs of the round or no weights; {RunFolderError} when another process holds it
 */
export async function trainRun(options: TrainRunOptions): Promise<TrainRunResult> {
  const { round, clock = systemClock, onEvent = (): void => undefined, signal } = options
  const folder = await RunFolder.open(options.runDir, { clock })
  try {
    const stored = await folder.readConfig()
    if (stored === null) throw new InputError(`${folder.dir} has no config.json yet: run pop run first`)
    const config = options.training === undefined ? stored : { ...stored, training: options.training }
    const models = new ModelHouse(config, options.deps ?? { env: {} }, signal)
    const pairs = await readPairs(folder, round)
    const start = startOf(folder, models, round)
    const initial = config.training.reference === 'initial' ? models.initialScorer : undefined
    await trainRound({
      folder,
      round,
      pairs,
      start,
      ...(initial === undefined ? {} : { reference: initial }),
      config: models.training,
      models,
      seed: config.seed,
      clock,
      onEvent,
      signal,
    })
    await models.release()
    const { checkpoint, metrics } = folder.round(round)
    const steps: TrainingStep[] = []
    for await (const step of readJsonl(metrics, trainingStepSchema)) steps.push(step)
    return { checkpoint, steps, pairs: pairs.length }
  } finally {
    await folder.close()
  }
}

async function readPairs(folder: RunFolder, round: number): Promise<PreferencePair[]> {
  const pairs: PreferencePair[] = []
  for await (const pair of readJsonl(folder.round(round).pairs, preferencePairSchema)) pairs.push(pair)
  if (pairs.length === 0) throw new InputError(`${folder.dir} has no preference pairs of round ${round}`)
  return pairs
}

/** The weights before the round, under the name that `pop run` gives them: the journal's key depends on it. */
function startOf(folder: RunFolder, models: ModelHouse, round: number): TrainingStart {
  for (let before = round - 1; before > 0; before--) {
    const { checkpoint } = folder.round(before)
    if (modelFingerprint(checkpoint) === undefined) continue
    return { dir: checkpoint, name: models.checkpoint(checkpoint, `round-${before}`).name }
  }
  const { initialDir } = models
  if (initialDir === null) {
    throw new InputError(
      'there are no weights to train: set training.path to a folder with the weights of the model behind the server',
    )
  }
  return models.startOf(initialDir, models.initialPolicy.name)
}
