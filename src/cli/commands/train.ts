/** `pop train`: preference pairs, of a run or from a file, become a trained model folder. */
import { readdir, rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { z } from 'zod'
import { hashValue } from '../../core/hash.ts'
import { ConfigError, InputError, UsageError } from '../../core/errors.ts'
import { trainingAlarms } from '../../dashboard/index.ts'
import { Engine, modelFingerprint } from '../../engine/index.ts'
import { EmbeddedLanguageModel } from '../../llm/index.ts'
import { readPreferencePairs } from '../../pairing/index.ts'
import { trainRun } from '../../pipeline/index.ts'
import { trainingStepSchema, type TrainConfig, type TrainingStep } from '../../records/index.ts'
import {
  EmbeddedTrainableModel,
  openTinkerTraining,
  checkTrlTraining,
  trainByTrl,
  trainPreferences,
  trainingEngineOptions,
  TrainedOnServer,
  TrainingStateFile,
  type PreferenceTraining,
  type TrainableModel,
} from '../../training/index.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { loadTrainConfig } from '../config.ts'
import { grouped } from '../format.ts'
import { withLocalModels } from '../model-source.ts'
import { createProgress } from '../progress.ts'
import { openRunRound } from '../run-round.ts'
import { textLines } from '../text-lines.ts'

export const train: Command = {
  name: 'train',
  summary: "train a model on a run's preference pairs, or on a file of them",
  usage: 'RUN | PAIRS.jsonl --config FILE [--out DIR]',
  examples: [
    [
      'pop train runs/my-run',
      "the last round's pairs into its checkpoint, as pop run would; done once, it is not done again",
    ],
    [
      'pop train pairs.jsonl --config pop.yaml --out ./better',
      'DPO as the training section says; ./better is a model folder',
    ],
    [
      'pop train pairs.jsonl --config pop.yaml --json',
      'every step as JSON: loss, gradient norm, log-probs, margin, accuracy',
    ],
  ],
  options: {
    config: {
      value: 'FILE',
      short: 'c',
      help: "YAML with model (or training.path) and training; of a run, instead of the run's own training section",
    },
    out: { value: 'DIR', short: 'o', help: 'of a file: the trained model folder (default ./checkpoint)' },
    round: { value: 'N', help: 'of the run (default: the last one with pairs)' },
    json: { ...jsonOption, help: 'print { steps: [{ loss, gradNorm, … }], checkpoint, pairs, leftOut, badLines }' },
  },
  positionals: { min: 1, max: 1 },
  run: runTrain,
}

async function runTrain(invocation: Invocation, context: Context): Promise<void> {
  const [input = ''] = invocation.positionals
  const isRun = (await stat(input).catch(() => undefined))?.isDirectory() === true
  await (isRun ? trainRunFolder(input, invocation, context) : trainFile(input, invocation, context))
}

/** The training stage of a round, written into the run folder. */
async function trainRunFolder(runDir: string, invocation: Invocation, context: Context): Promise<void> {
  const { terminal, clock, signal, environment } = context
  if (invocation.text('out') !== undefined)
    throw new UsageError('--out is for files of pairs; a run keeps its checkpoint in its own folder')
  const configPath = invocation.text('config')
  const training =
    configPath === undefined ? undefined : (await withLocalModels(await loadTrainConfig(configPath), context)).training
  const { round } = await openRunRound(runDir, invocation.number('round', { integer: true, min: 1 }))
  const shown = stepDisplay(context, invocation.has('json'))
  try {
    const result = await trainRun({
      runDir,
      round,
      ...(training === undefined ? {} : { training }),
      deps: { env: environment, clock },
      clock,
      signal,
      onEvent: (event) => {
        if (event.type === 'step') shown.onStep(event.step, event.total)
        else if (event.type === 'note') terminal.say(event.text)
      },
    })
    await shown.finish()
    await sayResult(result, invocation, context)
  } finally {
    shown.stop()
  }
}

async function sayResult(
  { steps, checkpoint, pairs, ...counts }: { steps: TrainingStep[]; checkpoint: string; pairs: number },
  invocation: Invocation,
  { terminal }: Context,
): Promise<void> {
  for (const { text } of trainingAlarms(steps)) terminal.say(`${terminal.style('yellow', 'watch:')} ${text}`)
  await terminal.write(
    invocation.has('json')
      ? `${JSON.stringify({ steps, checkpoint, pairs, ...counts })}\n`
      : `${grouped(pairs)} pairs, ${steps.length} steps: ${checkpoint}\n`,
  )
}

async function trainFile(file: string, invocation: Invocation, context: Context): Promise<void> {
  const { terminal } = context
  if (invocation.text('round') !== undefined) throw new UsageError('--round is for run folders')
  const configPath = invocation.text('config')
  if (configPath === undefined) throw new UsageError('which model, trained how? Add --config FILE')
  const config = await withLocalModels(await loadTrainConfig(configPath), context)
  const checkpoint = invocation.text('out') ?? 'checkpoint'
  await checkTarget(checkpoint)
  const { pairs, badLines } = readPreferencePairs(textLines(file))
  const [bad] = badLines
  if (bad !== undefined) {
    if (pairs.length === 0) throw new InputError(`${file} holds no preference pair; line ${bad.line}: ${bad.reason}`)
    terminal.say(`${badLines.length} lines left out (first: ${file} line ${bad.line}: ${bad.reason})`)
  }
  const json = invocation.has('json')
  const result = await trainTo(checkpoint, pairs, config, { context, json })
  reportLeftOut(result, context)
  const { steps, leftOut, pairs: trained } = result
  const counts = { leftOut, badLines: badLines.length }
  await sayResult({ steps, checkpoint, pairs: trained, ...counts }, invocation, context)
}

/** Before hours of training: a folder that holds something else than a model is not overwritten. */
async function checkTarget(dir: string): Promise<void> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return []
    throw new UsageError(`--out ${dir} is no folder`)
  })
  if (names.length === 0 || names.includes('config.json') || names.includes('adapter_config.json')) return
  throw new UsageError(`--out ${dir} holds other files than a model; choose a new or empty folder`)
}

function modelDir({ model, training }: TrainConfig): string {
  if (training.path !== undefined) return training.path
  if (model.backend !== 'openai') return model.path
  throw new ConfigError(
    'training.path is missing: the weights of a model behind a server must also lie in a local folder',
  )
}

async function trainTo(
  checkpoint: string,
  pairs: ReturnType<typeof readPreferencePairs>['pairs'],
  config: TrainConfig,
  { context, json }: { context: Context; json: boolean },
): Promise<PreferenceTraining> {
  const { clock, signal } = context
  const shown = stepDisplay(context, json)
  if (config.training.backend === 'trl') return trainElsewhere(checkpoint, pairs, config, { context, shown })
  if (config.training.backend === 'tinker') return trainOnServer(checkpoint, pairs, config, { context, shown })
  const { model, tokenizer, state, close } = await openModel(checkpoint, config, { context, pairs })
  try {
    const { seed, training } = config
    const { onStep } = shown
    const result = await trainPreferences({
      model,
      tokenizer,
      pairs,
      config: training,
      seed,
      clock,
      signal,
      onStep,
      state,
    })
    await shown.finish()
    await model.save(checkpoint)
    await state.remove()
    return result
  } finally {
    shown.stop()
    await close()
  }
}

const trainedSchema = z.object({
  steps: z.array(trainingStepSchema),
  pairs: z.number(),
  leftOut: z.object({ tooLong: z.number(), noCompletion: z.number() }),
  promptMismatches: z.number(),
})

/** By a Tinker server: of a training that is complete there already only the adapter is fetched. */
async function trainOnServer(
  checkpoint: string,
  pairs: ReturnType<typeof readPreferencePairs>['pairs'],
  config: TrainConfig,
  { context, shown }: { context: Context; shown: ReturnType<typeof stepDisplay> },
): Promise<PreferenceTraining> {
  const { environment: env, clock, signal } = context
  const { training, seed } = config
  const place = { training, dir: modelDir(config), env, clock, signal }
  // Beside the folder, also where its name ends with a slash.
  const path = `${resolve(checkpoint)}.trained-on-server.json`
  const onServer = new TrainedOnServer({ place, path, owner: hashValue({ pairs, training, seed }), dir: checkpoint })
  const before = await onServer.takeUp(trainedSchema)
  if (before !== undefined) {
    for (const step of before.steps) shown.onStep(step, before.steps.length)
    await shown.finish()
    shown.stop()
    await rm(path, { force: true })
    return before
  }
  const { model, tokenizer } = await openTinkerTraining({ ...place, seed })
  try {
    const { onStep } = shown
    const result = await trainPreferences({ model, tokenizer, pairs, config: training, seed, clock, signal, onStep })
    await shown.finish()
    await onServer.bringHome(model, result)
    await rm(path, { force: true })
    return result
  } finally {
    shown.stop()
    await model.close()
  }
}

/** By TRL, run as another program. */
async function trainElsewhere(
  checkpoint: string,
  pairs: ReturnType<typeof readPreferencePairs>['pairs'],
  config: TrainConfig,
  { context, shown }: { context: Context; shown: ReturnType<typeof stepDisplay> },
): Promise<PreferenceTraining> {
  const { environment: env, clock, signal } = context
  const { training, seed } = config
  // The reference of a single training is where it starts, under either name.
  checkTrlTraining({ ...training, reference: 'roundStart' }, adapterOf(config))
  const target = resolve(checkpoint)
  const about = { workDir: `${target}.trl`, checkpoint: target, model: resolve(modelDir(config)) }
  try {
    const steps = await trainByTrl({
      ...about,
      pairs,
      config: training,
      seed,
      env,
      clock,
      signal,
      onStep: shown.onStep,
    })
    await shown.finish()
    return { steps, pairs: pairs.length, leftOut: { tooLong: 0, noCompletion: 0 }, promptMismatches: 0 }
  } finally {
    shown.stop()
  }
}

/** On top of the weights that are trained. */
function adapterOf(config: TrainConfig): string | undefined {
  const { model } = config
  return model.backend === 'embedded' && modelDir(config) === model.path ? model.adapter : undefined
}

interface OpenModel {
  readonly model: TrainableModel
  readonly tokenizer: Engine['tokenizer']
  readonly state: TrainingStateFile
  readonly close: () => Promise<void>
}

async function openModel(
  name: string,
  config: TrainConfig,
  { context, pairs }: { context: Context; pairs: readonly object[] },
): Promise<OpenModel> {
  const { training, seed } = config
  const dir = modelDir(config)
  const adapter = adapterOf(config)
  const engine = await Engine.open(dir, {
    ...trainingEngineOptions(training, seed),
    ...(adapter === undefined ? {} : { adapter }),
  })
  const model = new EmbeddedTrainableModel(engine, () => Promise.resolve(new EmbeddedLanguageModel(engine, name)))
  const inputs = hashValue({ pairs, training, seed, start: modelFingerprint(dir, adapter) ?? '' })
  const state = new TrainingStateFile({
    engine,
    // Beside the folder, also where its name ends with a slash.
    path: `${resolve(name)}.training-state.safetensors`,
    inputs,
    clock: context.clock,
  })
  return { model, tokenizer: engine.tokenizer, state, close: () => engine.close() }
}

/** A line for every step on stdout, unless that is for JSON; and a live line on a terminal. */
function stepDisplay(
  { terminal, clock }: Context,
  json: boolean,
): { onStep: (step: TrainingStep, total: number) => void; finish: () => Promise<void>; stop: () => void } {
  const progress = createProgress(terminal, clock)
  let written = Promise.resolve()
  let begun = false
  const write = (text: string): void => {
    written = written.then(() => terminal.write(text))
  }
  return {
    onStep: (step, total) => {
      progress.stop()
      if (!json) write(begun ? `${stepLine(step, total)}\n` : `${stepHeader}\n${stepLine(step, total)}\n`)
      begun = true
      if (terminal.live) progress.onEvent({ type: 'step', round: 0, step, total })
    },
    finish: () => written,
    stop: progress.stop,
  }
}

const stepColumns: readonly (readonly [title: string, width: number, text: (step: TrainingStep) => string])[] = [
  ['loss', 9, (step) => step.loss.toFixed(5)],
  ['grad norm', 10, (step) => step.gradNorm.toPrecision(4)],
  ['chosen', 10, (step) => step.chosenLogprob.toFixed(3)],
  ['rejected', 10, (step) => step.rejectedLogprob.toFixed(3)],
  ['margin', 9, (step) => step.margin.toFixed(4)],
  ['accuracy', 8, (step) => step.accuracy.toFixed(3)],
  ['tok/s', 8, (step) => grouped(step.tokensPerSecond)],
]

const stepHeader = ['step'.padEnd(9), ...stepColumns.map(([title, width]) => title.padStart(width))].join(' ')

function stepLine(step: TrainingStep, total: number): string {
  const cells = stepColumns.map(([, width, text]) => text(step).padStart(width))
  return [`${step.step}/${total}`.padEnd(9), ...cells].join(' ')
}

function reportLeftOut({ leftOut, promptMismatches }: PreferenceTraining, { terminal }: Context): void {
  if (leftOut.tooLong > 0) {
    terminal.say(`${leftOut.tooLong} pairs left out: longer than training.maxLength or the model's context`)
  }
  if (leftOut.noCompletion > 0) terminal.say(`${leftOut.noCompletion} pairs left out: an answer without tokens`)
  if (promptMismatches > 0) {
    terminal.say(`${promptMismatches} pairs: the tokens of the prompt are not the beginning of the tokens of the whole`)
  }
}
