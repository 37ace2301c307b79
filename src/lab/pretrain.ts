/**
 * Pretraining of the laboratory's model from random weights by the project's own engine: seeded, saved every few
 * minutes, resumable, gated on skills. The one part of the laboratory that needs the engine itself.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { systemClock } from '../core/clock.ts'
import { InputError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { Engine, growVocabulary, readModelFiles, Tokenizer } from '../engine/index.ts'
import type { JsonObject, NewModelFiles, OptimizerSettings } from '../engine/index.ts'
import { labModelFiles } from './model-files.ts'
import { comparisonSample, pretrainingSample, recallSample } from './transcripts/mixture.ts'
import { furtherSample } from './transcripts/further.ts'
import { createEncoder, lossesOf } from './pretrain-encoding.ts'
import type { Batch, Encoded, LossWeights, PretrainingSample } from './pretrain-encoding.ts'
import { createWorld } from './world/entities.ts'
import type { World } from './world/entities.ts'

export interface PretrainSettings extends LossWeights {
  /** Tokens of exercises and mixture, prompts included. */
  tokens: number
  /** Tokens of the last stage: comparing and the further tasks. */
  furtherTokens: number
  /**
   * Equality and reading are the hard skills and are learnt first, from exercises alone: one comparison and one
   * statement at a time, then up to 2, 4, 8 and 16, each until the running losses of verdicts and of recalled values
   * are below these, in nats.
   */
  comparisonLoss: number
  recallLoss: number
  /** The exercises end after so many tokens in any case. */
  exerciseTokens: number
  tokensPerStep: number
  /** Tokens per step of the exercises. */
  exerciseTokensPerStep: number
  /** Of AdamW, for embeddings and norms, and of Muon, for the hidden matrices. */
  learningRate: number
  muonLearningRate: number
  /** The rates of the exercises, as a multiple of these. */
  exerciseRate: number
  /** The same of the last stage. */
  furtherRate: number
  warmupSteps: number
  /** Share of a stage's tokens, at the end, over which the rate falls linearly to 0. */
  decayShare: number
}

export const PRETRAIN_SETTINGS: PretrainSettings = {
  tokens: 15_000_000,
  furtherTokens: 5_000_000,
  comparisonLoss: 0.15,
  recallLoss: 0.4,
  exerciseTokens: 2_800_000,
  tokensPerStep: 2300,
  exerciseTokensPerStep: 1500,
  learningRate: 1.6e-3,
  muonLearningRate: 8e-3,
  exerciseRate: 2.5,
  furtherRate: 1,
  warmupSteps: 50,
  decayShare: 0.95,
  verdictWeight: 4,
  valueWeight: 2,
  promptWeight: 0.1,
  plainTextWeight: 0.3,
}

export interface PretrainOptions {
  /** Folder for checkpoints; a pretraining that it holds is continued. */
  out: string
  seed?: number
  /** Begin with the last stage, on this model: a checkpoint of the stages before, with the vocabulary of that time or of now. */
  from?: string
  /** With `from`: samples of the last stage that the model has seen, to be left out. Default 0. */
  skip?: number
  settings?: Partial<PretrainSettings>
  threads?: number
  /** Seconds between checkpoints. */
  saveEvery?: number
  /** Save and return after so many minutes; a later call goes on. */
  budgetMinutes?: number
  onProgress?: (progress: PretrainProgress) => void
  signal?: AbortSignal
}

export interface PretrainProgress {
  step: number
  tokens: number
  totalTokens: number
  /** Mean loss per learnt token of this step, nats. */
  loss: number
  /** Mean loss of the verdict words of this step, nats; NaN without any. */
  verdictLoss: number
  learningRate: number
  gradNorm: number
  /** The same of its value words. */
  valueLoss: number
  /** Most comparisons or statements in a row at present; 0 when the exercises are over. */
  level: number
  /** `base`: exercises and mixture. */
  stage: 'base' | 'further'
  seconds: number
}

export interface PretrainResult {
  /** The model folder. */
  checkpoint: string
  step: number
  tokens: number
  /** Seconds of this and earlier calls. */
  seconds: number
  finished: boolean
}

const stateSchema = z.strictObject({
  seed: z.int(),
  stage: z.enum(['base', 'further']).default('base'),
  step: z.int(),
  /** Steps before the stage. */
  stageStart: z.int().default(0),
  /** Of the stages before, and of this one. */
  earlierTokens: z.int().default(0),
  tokens: z.int(),
  nextExercise: z.int(),
  nextSample: z.int(),
  /** Running losses of the exercises, nats. */
  comparisonLoss: z.number(),
  recallLoss: z.number(),
  /** Most comparisons or statements in a row at present; 0 when the exercises are over. */
  level: z.int(),
  seconds: z.number(),
})
type State = z.infer<typeof stateSchema>

const monotonicSeconds = (): number => systemClock.monotonic() / 1000

const STATE_FILE = 'pretraining.json'
/** In a row: as many as a worksheet of the mixture has. */
const LONGEST_EXERCISE = 16
const MUON_MOMENTUM = 0.95
const ADAM = { beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0, maxGradNorm: 1 }

/**
 * Trains until done, out of budget, or aborted; always leaves a checkpoint that a later call continues. Whether the
 * finished checkpoint is good enough is `checkSkills`' business.
 */
export async function pretrainLab(options: PretrainOptions): Promise<PretrainResult> {
  const settings = { ...PRETRAIN_SETTINGS, ...options.settings }
  mkdirSync(options.out, { recursive: true })
  const newest = newestCheckpoint(options.out)
  const fresh = freshState(options.seed ?? 1, options.from === undefined ? 'base' : 'further')
  const state = newest?.state ?? { ...fresh, nextSample: options.from === undefined ? 0 : (options.skip ?? 0) }
  const engine = await openEngine(newest?.dir, state.seed, options)
  try {
    return await train(engine, state, settings, options)
  } finally {
    await engine.close()
  }
}

async function openEngine(dir: string | undefined, seed: number, options: PretrainOptions): Promise<Engine> {
  const engineOptions = { seed, ...(options.threads === undefined ? {} : { threads: options.threads }) }
  if (dir !== undefined) {
    const engine = await Engine.open(dir, engineOptions)
    await engine.loadOptimizer(dir)
    return engine
  }
  const { config, files } = labModelFiles()
  if (options.from === undefined) return Engine.create(config, files, engineOptions)
  checkTokens(options.from, files.tokenizer)
  const start = join(options.out, 'start')
  growVocabulary(options.from, start, { ...files, config }, { seed, like: tokensInUse(files, config) })
  return Engine.open(start, engineOptions)
}

/** Ids that the texts of the first stages use. */
function tokensInUse(files: NewModelFiles, config: JsonObject): number[] {
  const tokenizer = new Tokenizer({ ...files, config })
  const world = createWorld()
  const texts = Array.from({ length: 1000 }, (_, i) => pretrainingSample(world, 'tokens in use', i))
  return [...new Set(texts.flatMap(({ prompt, completion }) => tokenizer.encode(prompt + completion)))]
}

/** @throws {InputError} when a token of that model has another id now, or none */
function checkTokens(from: string, tokenizer: JsonObject): void {
  const known = vocabularyOf(tokenizer)
  const changed = [...vocabularyOf(readModelFiles(from).tokenizer)].find(([token, id]) => known.get(token) !== id)
  if (changed === undefined) return
  throw new InputError(
    `${from}: token ${JSON.stringify(changed[0])} has another id than in the laboratory's vocabulary`,
  )
}

function vocabularyOf(tokenizer: JsonObject): Map<string, number> {
  const { model, added_tokens: added } = tokenizerSchema.parse(tokenizer)
  return new Map([...Object.entries(model.vocab), ...added.map(({ content, id }): [string, number] => [content, id])])
}

const tokenizerSchema = z.object({
  model: z.object({ vocab: z.record(z.string(), z.int()) }),
  added_tokens: z.array(z.object({ content: z.string(), id: z.int() })),
})

async function train(
  engine: Engine,
  state: State,
  settings: PretrainSettings,
  options: PretrainOptions,
): Promise<PretrainResult> {
  const world = createWorld()
  const encoder = createEncoder(engine, settings)
  const start = monotonicSeconds() - state.seconds
  const deadline = monotonicSeconds() + (options.budgetMinutes ?? Number.POSITIVE_INFINITY) * 60
  let saved = monotonicSeconds()
  while (!isFinished(state, settings) && options.signal?.aborted !== true && monotonicSeconds() < deadline) {
    const batch = nextBatch(world, state, settings, encoder)
    const learningRate = rateAt(state, settings)
    const logprobs = await engine.accumulate(batch.sequences, batch.weights)
    const { gradNorm } = await engine.step(optimizerAt(learningRate, settings))
    const losses = lossesOf(batch, logprobs)
    followExercises(state, settings, losses)
    state.step++
    nextStage(state, settings)
    state.seconds = monotonicSeconds() - start
    options.onProgress?.({ ...progressOf(state, settings), ...losses, learningRate, gradNorm })
    if (monotonicSeconds() - saved > (options.saveEvery ?? 240)) {
      await save(engine, options.out, state)
      saved = monotonicSeconds()
    }
  }
  const checkpoint = await save(engine, options.out, state)
  const { step, seconds } = state
  const tokens = state.earlierTokens + state.tokens
  return { checkpoint, step, tokens, seconds, finished: isFinished(state, settings) }
}

function isFinished({ stage, tokens }: State, settings: PretrainSettings): boolean {
  return stage === 'further' && tokens >= settings.furtherTokens
}

/** The last stage begins when the tokens of the first ones are spent. */
function nextStage(state: State, settings: PretrainSettings): void {
  if (state.stage === 'further' || state.tokens < settings.tokens) return
  state.stage = 'further'
  state.stageStart = state.step
  state.earlierTokens = state.tokens
  state.tokens = 0
  state.nextSample = 0
  state.level = 0
}

/** Makes the exercises longer, and ends them for good, when the running losses (about ten steps) are low enough. */
function followExercises(
  state: State,
  settings: PretrainSettings,
  losses: { verdictLoss: number; valueLoss: number },
): void {
  if (state.level === 0) return
  state.comparisonLoss = 0.9 * state.comparisonLoss + 0.1 * losses.verdictLoss
  state.recallLoss = 0.9 * state.recallLoss + 0.1 * losses.valueLoss
  const learnt = state.comparisonLoss < settings.comparisonLoss && state.recallLoss < settings.recallLoss
  if (state.tokens >= settings.exerciseTokens) state.level = 0
  if (!learnt || state.level === 0) return
  state.level = state.level === LONGEST_EXERCISE ? 0 : state.level * 2
  state.comparisonLoss = 1
  state.recallLoss = 1
}

/** Mostly comparisons until these are learnt, then mostly recall. */
function exerciseSample(world: World, state: State, settings: PretrainSettings): PretrainingSample {
  const index = state.nextExercise++
  const recall = state.comparisonLoss < settings.comparisonLoss ? index % 8 > 0 : index % 4 === 0
  return recall
    ? recallSample(world, state.seed, index, Math.min(state.level, 8))
    : comparisonSample(state.seed, index, state.level)
}

function progressOf(
  state: State,
  settings: PretrainSettings,
): Pick<PretrainProgress, 'step' | 'tokens' | 'totalTokens' | 'level' | 'stage' | 'seconds'> {
  const { step, level, stage, seconds } = state
  const tokens = state.earlierTokens + state.tokens
  const earlier = stage === 'base' ? settings.tokens : state.earlierTokens
  return { step, tokens, totalTokens: earlier + settings.furtherTokens, level, stage, seconds }
}

/** In each stage a linear warm-up in steps; high in the exercises, then a linear decay over the last share of the tokens. */
function rateAt({ step, stageStart, stage, tokens, level }: State, settings: PretrainSettings): number {
  const warmup = Math.min(1, (step - stageStart + 1) / settings.warmupSteps)
  if (level > 0) return settings.learningRate * settings.exerciseRate * warmup
  const total = stage === 'base' ? settings.tokens : settings.furtherTokens
  const rate = settings.learningRate * (stage === 'base' ? 1 : settings.furtherRate)
  const left = (total - tokens) / (total * settings.decayShare)
  return rate * warmup * Math.max(0, Math.min(1, left))
}

/** Both rates follow one schedule. */
function optimizerAt(learningRate: number, settings: PretrainSettings): OptimizerSettings {
  if (settings.muonLearningRate === 0) return { ...ADAM, learningRate }
  const muonRate = (learningRate / settings.learningRate) * settings.muonLearningRate
  return { ...ADAM, learningRate, muon: { learningRate: muonRate, momentum: MUON_MOMENTUM } }
}

/** Takes samples from the stream until the step is full; moves `state` along. */
function nextBatch(
  world: World,
  state: State,
  settings: PretrainSettings,
  encode: (sample: PretrainingSample) => Encoded,
): Batch {
  const rows: Encoded[] = []
  const wanted = state.level > 0 ? settings.exerciseTokensPerStep : settings.tokensPerStep
  for (let tokens = 0; tokens < wanted;) {
    const row = encode(nextSample(world, state, settings))
    rows.push(row)
    tokens += row.tokens.length
    state.tokens += row.tokens.length
  }
  const total = rows.reduce((sum, row) => sum + row.weights.reduce((a, b) => a + b, 0), 0)
  return {
    sequences: rows.map((row) => row.tokens),
    weights: rows.map((row) => row.weights.map((weight) => weight / total)),
    classes: rows.map((row) => row.classes),
  }
}

function nextSample(world: World, state: State, settings: PretrainSettings): PretrainingSample {
  if (state.level > 0) return exerciseSample(world, state, settings)
  const index = state.nextSample++
  return state.stage === 'base' ? pretrainingSample(world, state.seed, index) : furtherSample(world, state.seed, index)
}

function freshState(seed: number, stage: State['stage']): State {
  return {
    seed,
    stage,
    step: 0,
    stageStart: 0,
    earlierTokens: 0,
    tokens: 0,
    nextExercise: 0,
    nextSample: 0,
    comparisonLoss: 1,
    recallLoss: 1,
    level: stage === 'base' ? 1 : 0,
    seconds: 0,
  }
}

/** The state file is written last, so a folder that has one is whole; older checkpoints go after that. */
async function save(engine: Engine, out: string, state: State): Promise<string> {
  const dir = join(out, `step-${String(state.step).padStart(6, '0')}`)
  if (existsSync(join(dir, STATE_FILE))) return dir
  await engine.save(dir)
  await engine.saveOptimizer(dir)
  const file = join(dir, STATE_FILE)
  writeFileSync(`${file}.tmp`, `${JSON.stringify(state)}\n`)
  renameSync(`${file}.tmp`, file)
  for (const name of checkpointNames(out)) {
    if (join(out, name) !== dir) rmSync(join(out, name), { recursive: true, force: true })
  }
  return dir
}

function checkpointNames(out: string): string[] {
  return readdirSync(out)
    .filter((name) => /^step-\d+$/.test(name))
    .sort()
}

function newestCheckpoint(out: string): { dir: string; state: State } | undefined {
  const name = checkpointNames(out).findLast((candidate) => existsSync(join(out, candidate, STATE_FILE)))
  if (name === undefined) return undefined
  const file = join(out, name, STATE_FILE)
  const json = parseJson(readFileSync(file, 'utf8'))
  const state = stateSchema.safeParse(json.ok ? json.value : undefined)
  if (!state.success) throw new InputError(`${file} is damaged; delete ${join(out, name)} to begin anew`)
  return { dir: join(out, name), state: state.data }
}
