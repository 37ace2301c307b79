/**
 * One round of online self-play: for each step a batch of documents is played by the weights as they are, and their groups are trained on
 * at once. A round that is done is not done again. One that was cut off goes through its steps again: its calls are in the journal under the
 * version of the weights that answered, so only the updates are computed a second time.
 */
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../core/clock.ts'
import { hashValue } from '../core/hash.ts'
import { deriveSeed } from '../core/rng.ts'
import { modelFingerprint } from '../engine/index.ts'
import { buildGroup } from '../pairing/index.ts'
import {
  exampleSchema,
  trainingStepSchema,
  type Config,
  type Document,
  type Example,
  type JournalEntry,
  type LanguageModel,
  type OnRunEvent,
  type RolloutGroup,
  type TrainingStep,
} from '../records/index.ts'
import type { TaskProfile } from '../roles/index.ts'
import { readJsonl, removeFolder, type RunFolder } from '../store/index.ts'
import type { PriorQuestions } from '../synthesis/index.ts'
import { trainGroups, type TrainedOnServer } from '../training/index.ts'
import { GroupTally, type OnlineRound } from './group-tally.ts'
import type { ModelHouse, OpenTraining, TrainingStart } from './models.ts'
import { priorsOf, taskFacts } from './play-documents.ts'
import { StepFile } from './step-file.ts'
import { FETCHED, ON_SERVER_FILE, saysHowToGoOn } from './train-round.ts'

export interface OnlineRoundOptions {
  readonly folder: RunFolder
  readonly round: number
  readonly documents: readonly Document[]
  /** What an earlier run gives for them. */
  readonly prior: PriorQuestions | undefined
  /** The weights at the start of the round, and what the records call them. */
  readonly start: TrainingStart
  readonly config: Config
  readonly task: TaskProfile
  readonly models: ModelHouse
  readonly clock: Clock
  readonly onEvent: OnRunEvent
  readonly signal?: AbortSignal | undefined
  /** Hears of every example of the round, also of one that was finished before. */
  readonly onExample: (example: Example) => void
  /** Plays documents with a policy and hands on their examples. */
  readonly play: (
    policy: LanguageModel,
    documents: readonly Document[],
    sink: (example: Example) => Promise<void>,
    signal: AbortSignal,
  ) => Promise<unknown>
}

const leftOutSchema = z.object({ tooLong: z.number(), noTokens: z.number(), flat: z.number() })
const doneSchema = z.object({ checkpoint: z.string(), steps: z.number(), leftOut: leftOutSchema })
const onServerSchema = z.object({ steps: z.array(trainingStepSchema), leftOut: leftOutSchema })

export async function playOnlineRound(options: OnlineRoundOptions): Promise<OnlineRound> {
  const { folder, round, documents, clock, onEvent } = options
  const { checkpoint } = folder.round(round)
  const key = `r${round}/train`
  const inputs = inputsOf(options)
  const known = await finished(options, folder.journal.get(key, inputs))
  if (known !== null) return known
  onEvent({ type: 'stage', round, stage: 'train', state: 'started', total: documents.length })
  const next = 'updates of the round that is not complete are computed again'
  const { result, steps } = await saysHowToGoOn(train(options, inputs), options.signal, next)
  const { groups, leftOut } = result
  const value = { checkpoint: modelFingerprint(checkpoint) ?? '', groups, leftOut, steps: steps.length }
  await folder.journal.append({ v: 1, kind: 'decision', key, inputs, at: clock.now(), value })
  await removeFolder(join(folder.round(round).dir, ON_SERVER_FILE))
  onEvent({ type: 'stage', round, stage: 'train', state: 'finished', summary: describe(result, steps) })
  return result
}

function inputsOf({ documents, prior, start, config, task, models }: OnlineRoundOptions): string {
  const { training, synthesis, scoring, curation, pairing, seed, roles } = config
  const { concurrency: _concurrency, ...questions } = synthesis
  const ids = documents.map(({ id, text }) => [id, text, priorsOf(id, prior)])
  const weights = [start.name, models.initialPolicy.name]
  const facts = taskFacts(task)
  return hashValue({ ids, weights, facts, training, questions, scoring, curation, pairing, seed, roles })
}

/** What a round came to that the journal knows as done, if its checkpoint is still there. */
async function finished(options: OnlineRoundOptions, entry: JournalEntry | undefined): Promise<OnlineRound | null> {
  const { folder, round } = options
  const { checkpoint } = folder.round(round)
  const done = entry?.kind === 'decision' ? doneSchema.safeParse(entry.value).data : undefined
  if (done === undefined || done.checkpoint !== (modelFingerprint(checkpoint) ?? '')) return null
  return (await tallyStored(options)).result(done.steps, done.leftOut)
}

/** The groups of the round's stored examples. */
async function tallyStored({ folder, round, config, onExample }: OnlineRoundOptions): Promise<GroupTally> {
  const tally = new GroupTally(config)
  for await (const example of readJsonl(folder.round(round).examples, exampleSchema)) {
    tally.add(example)
    onExample(example)
  }
  return tally
}

function describe({ questions, groups }: OnlineRound, steps: readonly TrainingStep[]): string {
  const reward = (step: TrainingStep | undefined): string => step?.reward?.toFixed(3) ?? '–'
  const trend = `reward ${reward(steps[0])} → ${reward(steps.at(-1))}`
  return `${questions} questions, ${groups} groups, ${steps.length} steps, ${trend}`
}

interface Trained {
  readonly result: OnlineRound
  readonly steps: TrainingStep[]
}

/** Of a training that is complete on a server only the weights are fetched: its examples were stored before they were asked for. */
async function train(options: OnlineRoundOptions, inputs: string): Promise<Trained> {
  const { folder, round, start, models, clock, onEvent } = options
  const { dir, checkpoint, metrics } = folder.round(round)
  const stepFile = new StepFile(folder, metrics, clock)
  const onServer = models.trainedOnServer(start, { path: join(dir, ON_SERVER_FILE), owner: inputs, dir: checkpoint })
  const before = await onServer?.takeUp(onServerSchema)
  if (before === undefined) return trainHere(options, { stepFile, onServer })
  onEvent({ type: 'note', text: FETCHED })
  const { steps, leftOut } = before
  for (const step of steps) stepFile.add(step)
  await stepFile.finish()
  const result = (await tallyStored(options)).result(steps.length, leftOut)
  return { result, steps }
}

type Keeping = { readonly stepFile: StepFile; readonly onServer: TrainedOnServer | undefined }

async function trainHere(options: OnlineRoundOptions, { stepFile, onServer }: Keeping): Promise<Trained> {
  const { folder, round, start, config, models } = options
  const writer = await folder.openJsonl(folder.round(round).examples)
  try {
    const open = await models.openTraining(start, deriveSeed(config.seed, 'lora', round))
    try {
      return await trainOpen(options, open, { writer, stepFile, onServer })
    } finally {
      await open.close()
    }
  } finally {
    await stepFile.settle()
    await writer.discard()
  }
}

async function trainOpen(
  options: OnlineRoundOptions,
  open: OpenTraining,
  { writer, stepFile, onServer }: Keeping & { writer: Awaited<ReturnType<RunFolder['openJsonl']>> },
): Promise<Trained> {
  const { folder, round, documents, start, config, models, clock, onEvent } = options
  const reference = config.training.reference === 'initial' ? models.initialScorer : models.scorer(start.dir)
  const tally = new GroupTally(config)
  let before = Promise.resolve()
  const { steps, leftOut } = await trainGroups({
    model: open.model,
    tokenizer: open.tokenizer,
    questions: documents.length,
    config: models.training,
    seed: deriveSeed(config.seed, 'train', round),
    clock,
    ...(reference === undefined ? {} : { reference }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    sample: (batch, version, signal) => {
      const sampled = sampleGroups(options, open, { batch, version, signal })
      // Batches are played side by side and written one after the other: the file does not depend on who was faster.
      const kept = keepInTurn(sampled, before, async (example) => {
        tally.add(example)
        options.onExample(example)
        await writer.write(example)
      })
      before = kept.then(
        () => undefined,
        () => undefined,
      )
      return kept
    },
    onStep: (step, total) => {
      onEvent({ type: 'step', round, step, total })
      stepFile.add(step)
    },
  })
  const { checkpoint, evaluation } = folder.round(round)
  await writer.commit()
  // What an earlier configuration of the round came to is none of this one's.
  if (steps.length === 0) for (const path of [checkpoint, evaluation]) await removeFolder(path)
  else if (onServer !== undefined && open.onServer !== undefined)
    await onServer.bringHome(open.onServer, { steps, leftOut })
  else await open.model.save(checkpoint)
  await stepFile.finish()
  return { result: tally.result(steps.length, leftOut), steps }
}

interface Sampled {
  readonly examples: readonly Example[]
  readonly groups: readonly (RolloutGroup | null)[]
}

/** One batch of documents, played by the weights as they are now. */
async function sampleGroups(
  { config, documents, start, play }: OnlineRoundOptions,
  { model }: OpenTraining,
  { batch, version, signal }: { batch: readonly number[]; version: number; signal: AbortSignal },
): Promise<Sampled> {
  const published = await model.publish()
  // The journal finds a call by the name of the weights that answered it.
  const policy = versioned(published, `${start.name}+${version}`)
  const examples: Example[] = []
  const groups: (RolloutGroup | null)[] = []
  const chosen = batch.flatMap((index) => documents.slice(index, index + 1))
  const sink = (example: Example): Promise<void> => {
    const group = buildGroup(example, config.pairing)
    groups.push('skipped' in group ? null : group)
    examples.push(example)
    return Promise.resolve()
  }
  await play(policy, chosen, sink, signal)
  return { examples, groups }
}

async function keepInTurn(
  sampled: Promise<Sampled>,
  before: Promise<void>,
  keep: (example: Example) => Promise<void>,
): Promise<Sampled['groups']> {
  const { examples, groups } = await sampled
  await before
  for (const example of examples) await keep(example)
  return groups
}

function versioned(model: LanguageModel, name: string): LanguageModel {
  return {
    name,
    ...(model.abilities === undefined ? {} : { abilities: model.abilities }),
    ...(model.endpoint === undefined ? {} : { endpoint: model.endpoint }),
    ...(model.capacity === undefined ? {} : { capacity: model.capacity }),
    generate: (request, signal, hints) => model.generate(request, signal, hints),
  }
}
