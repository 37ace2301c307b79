/**
 * One round's training: pairs and the policy's weights in, a checkpoint out. A round that is done is not done again;
 * one that was cut off goes on from its last saved state, or else from the round's first weights: what is saved appears
 * whole or not at all.
 */
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { InterruptedError } from '../core/errors.ts'
import { hashValue } from '../core/hash.ts'
import { deriveSeed } from '../core/rng.ts'
import { isJsonObject } from '../core/json.ts'
import { modelFingerprint } from '../engine/index.ts'
import {
  trainingStepSchema,
  type OnRunEvent,
  type PreferencePair,
  type TrainingConfig,
  type TrainingStep,
} from '../records/index.ts'
import { removeFolder, type RunFolder } from '../store/index.ts'
import {
  trainByTrl,
  TrainingStateFile,
  trainPreferences,
  type Scorer,
  type TrainedOnServer,
} from '../training/index.ts'
import type { ModelHouse, TrainingStart } from './models.ts'
import { StepFile } from './step-file.ts'
import type { Clock } from '../core/clock.ts'

/** Beside the round's other files while it trains. */
const STATE_FILE = 'training-state.safetensors'
/** Beside them while a training that is complete on a server is not here. */
export const ON_SERVER_FILE = 'trained-on-server.json'
export const FETCHED = 'the training of the round was complete on the server: only its weights were fetched'

export interface TrainRoundOptions {
  readonly folder: RunFolder
  readonly round: number
  readonly pairs: readonly PreferencePair[]
  /** The weights at the start of the round. */
  readonly start: TrainingStart
  /** Absent: the start of the round is the reference. */
  readonly reference?: Scorer & { readonly name: string }
  readonly config: TrainingConfig
  readonly models: Pick<ModelHouse, 'openTraining' | 'trainedOnServer' | 'env'>
  readonly seed: number
  readonly clock: Clock
  readonly onEvent: OnRunEvent
  readonly signal?: AbortSignal | undefined
}

/** Trains unless the journal says that exactly this was done and the checkpoint is there. */
export async function trainRound(options: TrainRoundOptions): Promise<void> {
  const { folder, round, pairs, start, reference, config, seed, clock, onEvent } = options
  const { checkpoint } = folder.round(round)
  const key = `r${round}/train`
  const inputs = hashValue({ pairs, start: start.name, reference: reference?.name ?? null, config, seed })
  const done = folder.journal.get(key, inputs)
  if (done?.kind === 'decision' && isJsonObject(done.value)) {
    const fingerprint = modelFingerprint(checkpoint)
    if (fingerprint !== undefined && done.value['checkpoint'] === fingerprint) return
  }
  onEvent({ type: 'stage', round, stage: 'train', state: 'started', total: pairs.length })
  const steps = await trainSteps(options, inputs)
  const value = { checkpoint: modelFingerprint(checkpoint) ?? '', pairs: pairs.length, steps: steps.length }
  await folder.journal.append({ v: 1, kind: 'decision', key, inputs, at: clock.now(), value })
  await removeFolder(join(folder.round(round).dir, ON_SERVER_FILE))
  const summary = `${pairs.length} pairs, ${steps.length} steps, loss ${steps.at(-1)?.loss.toFixed(4) ?? '–'}`
  onEvent({ type: 'stage', round, stage: 'train', state: 'finished', summary })
}

function trainSteps(options: TrainRoundOptions, inputs: string): Promise<TrainingStep[]> {
  const { backend } = options.config
  const training = backend === 'trl' ? trainElsewhere(options) : train(options, inputs)
  const next =
    backend === 'embedded'
      ? 'the training of the round goes on from its last step'
      : 'a training of the round that is not complete begins again'
  return saysHowToGoOn(training, options.signal, next)
}

/** @param next what the same command does then. @throws {InterruptedError} in place of the signal's bare reason */
export function saysHowToGoOn<T>(training: Promise<T>, signal: AbortSignal | undefined, next: string): Promise<T> {
  return training.catch((error: unknown) => {
    if (signal?.aborted !== true || error !== signal.reason) throw error
    throw new InterruptedError(`Interrupted; everything finished is saved: run the same command to go on, ${next}`, {
      cause: error,
    })
  })
}

/** The whole round by another program. */
async function trainElsewhere(options: TrainRoundOptions): Promise<TrainingStep[]> {
  const { folder, round, pairs, start, config, models, seed, clock, signal, onEvent } = options
  const { dir, checkpoint, metrics } = folder.round(round)
  const stepFile = new StepFile(folder, metrics, clock)
  const steps = await trainByTrl({
    workDir: join(dir, 'trl'),
    checkpoint,
    model: resolve(start.dir),
    pairs,
    config,
    seed: deriveSeed(seed, 'train', round) % 2 ** 31,
    env: models.env,
    clock,
    signal,
    onStep: (step, total) => {
      onEvent({ type: 'step', round, step, total })
      stepFile.add(step)
    },
  })
  await stepFile.finish()
  return steps
}

/** Where the training is one on a server: of one that is complete there already only the weights are fetched. */
async function train(options: TrainRoundOptions, inputs: string): Promise<TrainingStep[]> {
  const { folder, round, start, models, clock, onEvent } = options
  const { dir, checkpoint, metrics } = folder.round(round)
  const stepFile = new StepFile(folder, metrics, clock)
  const onServer = models.trainedOnServer(start, { path: join(dir, ON_SERVER_FILE), owner: inputs, dir: checkpoint })
  const before = await onServer?.takeUp(z.array(trainingStepSchema))
  for (const step of before ?? []) stepFile.add(step)
  if (before !== undefined) onEvent({ type: 'note', text: FETCHED })
  const steps = before ?? (await trainHere(options, inputs, { stepFile, onServer }))
  await stepFile.finish()
  return steps
}

async function trainHere(
  options: TrainRoundOptions,
  inputs: string,
  { stepFile, onServer }: { stepFile: StepFile; onServer: TrainedOnServer | undefined },
): Promise<TrainingStep[]> {
  const { folder, round, pairs, start, reference, config, models, seed, clock, signal, onEvent } = options
  const open = await models.openTraining(start, deriveSeed(seed, 'lora', round))
  const path = join(folder.round(round).dir, STATE_FILE)
  const state =
    open.engine === undefined ? undefined : new TrainingStateFile({ engine: open.engine, path, inputs, clock })
  try {
    const { steps, leftOut } = await trainPreferences({
      model: open.model,
      tokenizer: open.tokenizer,
      pairs,
      config,
      seed: deriveSeed(seed, 'train', round),
      clock,
      ...(state === undefined ? {} : { state }),
      ...(reference === undefined ? {} : { reference }),
      ...(signal === undefined ? {} : { signal }),
      onStep: (step, total) => {
        onEvent({ type: 'step', round, step, total })
        stepFile.add(step)
      },
    })
    if (leftOut.tooLong > 0) {
      onEvent({
        type: 'note',
        text: `${leftOut.tooLong} pairs are longer than the context or training.maxLength: left out`,
      })
    }
    if (onServer !== undefined && open.onServer !== undefined) await onServer.bringHome(open.onServer, steps)
    else await open.model.save(folder.round(round).checkpoint)
    await stepFile.finish()
    await state?.remove()
    return steps
  } finally {
    await stepFile.settle()
    await open.close()
  }
}
