/** A model on a Tinker server as a trainable model. The weights stay there; `save` brings the adapter home. */
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import { EndpointError, errorMessage, InputError } from '../../core/errors.ts'
import { systemClock, type Clock } from '../../core/clock.ts'
import { withAdapterTargets } from '../../engine/index.ts'
import { readJsonFile, readTar, writeFolder } from '../../store/index.ts'
import {
  samplerName,
  TinkerConnection,
  TinkerLanguageModel,
  TinkerModel,
  type ChatTokenizer,
  type Reduction,
  type TinkerFetch,
} from '../../tinker/index.ts'
import type { AdamWSettings, TokenSequence, TrainableModel } from '../model.ts'

export interface TinkerTrainingOptions {
  readonly baseUrl: string
  readonly baseModel: string
  readonly apiKey?: string
  readonly rank: number
  readonly seed: number
  readonly tokenizer: ChatTokenizer
  readonly contextLength?: number
  /** `tinker://…/weights/…` of a state to go on from. */
  readonly resume?: string
  /** Of that state take the weights only. Default false. */
  readonly freshOptimizer?: boolean
  readonly reduction?: Reduction
  readonly clock?: Clock
  readonly fetch?: TinkerFetch
  /** Aborting ends whatever the server is asked or waited for, at once; what samples of it finishes the samples in flight. */
  readonly signal?: AbortSignal | undefined
}

const DOWNLOADS = 3

/** In the folder of an adapter: where the server keeps what it was made of. */
const TINKER_FILE = 'tinker.json'
const checkpointSchema = z.object({
  baseUrl: z.url(),
  baseModel: z.string(),
  rank: z.int().positive(),
  /** `tinker://…/weights/…` */
  state: z.string(),
})
export type TinkerCheckpoint = z.infer<typeof checkpointSchema>

/** What `save` left in a folder besides the adapter. @throws {InputError} when it is none of its folders */
export async function readTinkerCheckpoint(dir: string): Promise<TinkerCheckpoint> {
  const found = await readJsonFile(join(dir, TINKER_FILE), checkpointSchema)
  if (found !== null) return found
  throw new InputError(`${dir} has no ${TINKER_FILE}: its weights were not trained on a Tinker server`)
}

/** What a server keeps of a training, as `tinker://` paths: weights with optimizer, and the adapter to fetch. */
export const tinkerSavedSchema = z.strictObject({ state: z.string(), adapter: z.string() })
export type TinkerSaved = z.infer<typeof tinkerSavedSchema>

export class TinkerTrainableModel implements TrainableModel {
  readonly contextLength?: number
  private readonly model: TinkerModel
  private readonly connection: TinkerConnection
  private readonly options: TinkerTrainingOptions

  private constructor(options: TinkerTrainingOptions, connection: TinkerConnection, model: TinkerModel) {
    this.options = options
    this.connection = connection
    this.model = model
    if (options.contextLength !== undefined) this.contextLength = options.contextLength
  }

  /** @throws EndpointError when there is no Tinker server there; ConfigError when it does not have the model */
  static async open(options: TinkerTrainingOptions): Promise<TinkerTrainableModel> {
    const { baseModel, rank, seed, resume, freshOptimizer = false, reduction, clock = systemClock, signal } = options
    const connection = connectTinker(options)
    const model = await TinkerModel.open({
      connection,
      clock,
      baseModel,
      rank,
      seed,
      freshOptimizer,
      signal,
      ...(resume === undefined ? {} : { resume }),
      ...(reduction === undefined ? {} : { reduction }),
    })
    return new TinkerTrainableModel(options, connection, model)
  }

  /** Known once `reduction` was asked for. The server that averages is SkyRL's on JAX, whose sampler overwrites what is trained. */
  get samplesWhileTraining(): boolean {
    return this.model.knownReduction === 'sum'
  }

  logprobs(sequences: readonly TokenSequence[]): Promise<Float32Array[]> {
    return this.model.logprobs(sequences)
  }

  accumulate(sequences: readonly TokenSequence[], weights: readonly Float32Array[]): Promise<void> {
    this.model.accumulate(sequences, weights)
    return Promise.resolve()
  }

  step(adam: AdamWSettings): Promise<{ gradNorm: number }> {
    return this.model.step(adam)
  }

  /**
   * Downloads the adapter (PEFT layout) into `dir`, whole or not at all, with `tinker.json`, which says under which path the server keeps
   * weights and optimizer.
   */
  async save(dir: string): Promise<void> {
    await this.fetch(await this.saveOnServer(), dir)
  }

  /** The first half of `save`. */
  async saveOnServer(): Promise<TinkerSaved> {
    const state = await this.saveState('pop-state')
    return { state, adapter: await this.model.saveForSampler('pop-adapter') }
  }

  /** The second half of `save`. */
  fetch(saved: TinkerSaved, dir: string): Promise<void> {
    return fetchTinkerAdapter(this.connection, this.options, { saved, dir })
  }

  /** Weights and optimizer stay on the server under the path that is returned, for `resume`. */
  saveState(label: string): Promise<string> {
    return this.model.saveState(label)
  }

  async publish(): Promise<TinkerLanguageModel> {
    const path = await this.model.saveForSampler('pop-sampler')
    const { connection } = this
    const { tokenizer, baseModel, signal } = this.options
    return new TinkerLanguageModel({
      connection,
      tokenizer,
      name: `${baseModel}@${path}`,
      weights: { model_path: path },
      signal,
    })
  }

  reduction(): Promise<Reduction> {
    return this.model.reduction()
  }

  close(): Promise<void> {
    return this.model.close()
  }
}

/** A connection; nothing is sent yet. */
export function connectTinker(
  options: Pick<TinkerTrainingOptions, 'baseUrl' | 'apiKey' | 'clock' | 'fetch'>,
): TinkerConnection {
  const { baseUrl, apiKey, clock = systemClock } = options
  return new TinkerConnection({
    baseUrl,
    clock,
    fetch: options.fetch ?? fetch,
    ...(apiKey === undefined ? {} : { apiKey }),
  })
}

/** Needs no model that is loaded there. @throws {EndpointError} {InputError} when the adapter does not come, or not whole */
export async function fetchTinkerAdapter(
  connection: TinkerConnection,
  { baseModel, rank, signal }: Pick<TinkerTrainingOptions, 'baseModel' | 'rank' | 'signal'>,
  { saved: { state, adapter }, dir }: { saved: TinkerSaved; dir: string },
): Promise<void> {
  const saved = samplerName(adapter)
  if (saved === undefined) {
    throw new EndpointError(`the Tinker server saved the weights under an unknown path: ${adapter}`, {
      retryable: false,
    })
  }
  const route = `training_runs/${saved.model}/checkpoints/${saved.name}/archive`
  const files = await fetchFiles(connection, route, signal)
  const checkpoint: TinkerCheckpoint = { baseUrl: connection.baseUrl, baseModel, rank, state }
  files.set(TINKER_FILE, Buffer.from(`${JSON.stringify(checkpoint, null, 2)}\n`))
  await writeFolder(dir, files)
}

/** An archive that arrives damaged is fetched again. */
async function fetchFiles(
  connection: TinkerConnection,
  route: string,
  signal: AbortSignal | undefined,
): Promise<Map<string, Uint8Array>> {
  for (let attempt = 1; ; attempt++) {
    const archive = await connection.download(route, signal)
    try {
      return withAdapterTargets(readTar(gunzipSync(archive)))
    } catch (error) {
      if (attempt < DOWNLOADS) continue
      throw new InputError(
        `the adapter that the Tinker server sent is damaged or incomplete (${errorMessage(error)}): run the same command again`,
        { cause: error },
      )
    }
  }
}
