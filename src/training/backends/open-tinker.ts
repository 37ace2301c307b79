/** Models on a Tinker server as a configuration gives them: its settings checked, the tokenizer read from a local folder. */
import { readApiKey } from '../../core/api-key.ts'
import type { Clock } from '../../core/clock.ts'
import { ConfigError, EndpointError } from '../../core/errors.ts'
import { parseModelConfig, readModelFiles, Tokenizer } from '../../engine/index.ts'
import type { TrainingConfig } from '../../records/index.ts'
import { requireBaseModel, TinkerLanguageModel, type TinkerFetch } from '../../tinker/index.ts'
import { refuseEngineSettings } from './elsewhere.ts'
import {
  connectTinker,
  fetchTinkerAdapter,
  readTinkerCheckpoint,
  TinkerTrainableModel,
  type TinkerSaved,
} from './tinker.ts'

/** The protocol's adapters have this alpha whatever their rank. */
const SERVER_ALPHA = 32

/** A base model on a server, and what is needed here to speak with it. */
export interface TinkerPlace {
  readonly baseUrl: string
  /** As the server names it. */
  readonly name: string
  readonly apiKeyEnv?: string | undefined
  /** A model folder with the tokenizer of the server's model; it needs no weights. */
  readonly dir: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly fetch?: TinkerFetch
  /** Aborting ends whatever the server is asked or waited for, at once, but for samples in flight. */
  readonly signal?: AbortSignal | undefined
}

export interface OpenTinkerOptions {
  readonly training: TrainingConfig
  readonly dir: string
  readonly seed: number
  readonly env: TinkerPlace['env']
  readonly clock: Clock
  readonly fetch?: TinkerFetch
  readonly signal?: TinkerPlace['signal']
  /** A checkpoint folder of an earlier training there, to go on from with a fresh optimizer. Absent: a fresh adapter. */
  readonly from?: string | undefined
}

/**
 * An adapter on the server, ready to train; the caller closes the model.
 * @throws {ConfigError} for settings that such a server cannot follow, a missing key, or a model that the server does not have
 * @throws {EndpointError} when no Tinker server answers; {ModelError} when the folder has no tokenizer
 */
export async function openTinkerTraining(
  options: OpenTinkerOptions,
): Promise<{ readonly model: TinkerTrainableModel; readonly tokenizer: Tokenizer }> {
  const { training, dir, seed, from, ...rest } = options
  const { rank, ...server } = checkTinkerTraining(training)
  const place = { ...server, dir, ...rest }
  const tokenizer = new Tokenizer(readModelFiles(dir))
  const state = from === undefined ? undefined : (await readTinkerCheckpoint(from)).state
  const model = await openAdapter(place, { rank, seed, state, tokenizer })
  try {
    await model.reduction()
    return { model, tokenizer }
  } catch (error) {
    await model.close()
    throw error
  }
}

/**
 * Brings home what was saved on the server, from its state where the adapter is there no more.
 * @returns false when neither is
 * @throws {EndpointError} {InputError} when it does not come for another reason
 */
export async function fetchTinkerTraining(
  options: Omit<OpenTinkerOptions, 'from' | 'seed'>,
  saved: TinkerSaved,
  dir: string,
): Promise<boolean> {
  const { training, ...rest } = options
  const { rank, ...server } = checkTinkerTraining(training)
  const place = { ...server, ...rest }
  const { name: baseModel, signal } = place
  const connection = connectTinker({ ...place, ...readApiKey(place.apiKeyEnv, place.env) })
  try {
    await fetchTinkerAdapter(connection, { baseModel, rank, signal }, { saved, dir })
    return true
  } catch (error) {
    if (!isGone(error)) throw error
  }
  const tokenizer = new Tokenizer(readModelFiles(place.dir))
  const model = await openAdapter(place, { rank, seed: 0, state: saved.state, tokenizer }).catch((error: unknown) => {
    if (isGone(error)) return undefined
    throw error
  })
  if (model === undefined) return false
  try {
    await model.save(dir)
    return true
  } finally {
    await model.close()
  }
}

/** A server says so in several ways, of a job that looked for a file among them. */
function isGone(error: unknown): boolean {
  return error instanceof EndpointError && [400, 404, 410].includes(error.status ?? 0)
}

/** The base model itself. @throws {ConfigError} {EndpointError} {ModelError} with what is wrong with key, server, name or folder */
export async function openTinkerBase(place: TinkerPlace): Promise<TinkerLanguageModel> {
  const { name, signal } = place
  const connection = connectTinker({ ...place, ...readApiKey(place.apiKeyEnv, place.env) })
  await requireBaseModel(connection, name, signal)
  const tokenizer = new Tokenizer(readModelFiles(place.dir))
  return new TinkerLanguageModel({ connection, tokenizer, name, weights: { base_model: name }, signal })
}

/** Asks the server for the base model and for one token of it. @throws {ConfigError} {EndpointError} {ModelError} with what is wrong */
export async function tryTinkerPlace(place: TinkerPlace): Promise<void> {
  const model = await openTinkerBase(place)
  const messages = [{ role: 'user' as const, content: 'Hello' }]
  await model.generate({ messages, n: 1, temperature: 1, topP: 1, maxTokens: 1, seed: 1 })
}

/** The weights of a checkpoint folder, loaded on the server again; the caller closes the model. */
export async function openTinkerCheckpoint(place: TinkerPlace, from: string): Promise<TinkerTrainableModel> {
  const { rank, state } = await readTinkerCheckpoint(from)
  return openAdapter(place, { rank, seed: 0, state, tokenizer: new Tokenizer(readModelFiles(place.dir)) })
}

async function openAdapter(
  place: TinkerPlace,
  about: { rank: number; seed: number; state: string | undefined; tokenizer: Tokenizer },
): Promise<TinkerTrainableModel> {
  const { baseUrl, name, apiKeyEnv, dir, env, clock, fetch, signal } = place
  const { apiKey } = readApiKey(apiKeyEnv, env)
  const { rank, seed, state, tokenizer } = about
  return TinkerTrainableModel.open({
    baseUrl,
    baseModel: name,
    rank,
    seed,
    tokenizer,
    clock,
    signal,
    contextLength: parseModelConfig(readModelFiles(dir).config).maxPositions,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(fetch === undefined ? {} : { fetch }),
    ...(state === undefined ? {} : { resume: state, freshOptimizer: true }),
  })
}

/** @throws {ConfigError} for what a Tinker server cannot follow */
export function checkTinkerTraining(training: TrainingConfig): {
  readonly baseUrl: string
  readonly name: string
  readonly rank: number
  readonly apiKeyEnv: string | undefined
} {
  const { baseUrl, name, lora, apiKeyEnv } = training
  refuseEngineSettings(training)
  if (baseUrl === undefined) throw new ConfigError('training.baseUrl is missing: the address of the Tinker server')
  const { username, password } = new URL(baseUrl)
  if (username !== '' || password !== '') {
    throw new ConfigError(
      'training.baseUrl holds a user name or password: put the key into an environment variable and name it in training.apiKeyEnv',
    )
  }
  if (name === undefined) throw new ConfigError('training.name is missing: the model, as the Tinker server names it')
  if (lora === false) {
    throw new ConfigError('training.lora: a Tinker server trains adapters; give it a rank, or take backend: embedded')
  }
  if (lora.alpha !== SERVER_ALPHA) {
    throw new ConfigError(`training.lora.alpha: it is ${SERVER_ALPHA} on a Tinker server and cannot be chosen`)
  }
  return { baseUrl, name, rank: lora.rank, apiKeyEnv }
}
