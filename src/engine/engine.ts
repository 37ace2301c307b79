/**
 * The engine's facade: one language model that trains, scores and samples, in a thread of its own. Knows tokens,
 * weights per token and conversations as token ids; nothing of roles, rubrics or runs.
 */
import { availableParallelism } from 'node:os'
import { readModelFiles } from './formats/model-folder.ts'
import { memoryNeed, requireMemory } from './memory.ts'
import { parseModelConfig } from './models/config.ts'
import { countParameters } from './models/parameters.ts'
import { Tokenizer } from './tokenizer/tokenizer.ts'
import { availableMemory } from './worker/available-memory.ts'
import { WorkerClient } from './worker/client.ts'
import { EngineCore } from './worker/core.ts'
import { ReplicatedBackend } from './worker/replicas.ts'
import type { JsonObject, ModelFiles } from './formats/model-folder.ts'
import type { StoredDtype } from './formats/safetensors-writer.ts'
import type { ModelConfig } from './models/config.ts'
import type { OptimizerSettings } from './training/trainer.ts'
import type { FinishReason, SampleRequest, SampledSequence, TokenEvent, TokenLogprob } from './sampling/requests.ts'
import type { EngineBackend, EngineSettings, EngineStats, Tokens } from './worker/protocol.ts'

export interface EngineOptions extends EngineSettings {
  /** Run in the caller's thread, which every pass then blocks: for tests and short scripts. Default false. */
  inThread?: boolean
  /**
   * Copies of the model that share the work, each in a thread of its own with its share of `threads` and `maxSlots`.
   * Default: one per thread, at most four, for models below 16M weights; one for larger ones.
   */
  replicas?: number
  /** Bytes that the model may take; one that needs more is refused before it is loaded. Default: what is free, or `POP_MEMORY_GIB`. */
  memoryBytes?: number
  /** Whether the weights will be trained, which takes more memory than sampling, and on how many tokens at most. Default false. */
  trains?: boolean | { readonly maxLength: number }
}

/** One answer. */
export interface Generation {
  /** Sampled ids, the stop token included. */
  tokens: number[]
  /** The answer without the stop token, special tokens, and anything from a stop string on. */
  text: string
  /** Log-probability of each token at temperature 1, nats; empty when the request said `logprobs: false`. */
  logprobs: number[]
  finishReason: FinishReason
  /** The most likely tokens at each place, when the request asked for them. */
  topLogprobs?: TokenLogprob[][]
}

/** What, apart from weights and configuration, a new model's folder holds. */
export type NewModelFiles = Omit<ModelFiles, 'config' | 'raw'>

/** Weights kept aside in the engine's memory. */
export interface WeightsSnapshot {
  readonly id: number
}

interface EngineParts {
  config: ModelConfig
  tokenizer: Tokenizer
  parameterCount: number
  backend: EngineBackend
  terminate: () => Promise<void>
}

export class Engine {
  readonly config: ModelConfig
  readonly tokenizer: Tokenizer
  /** Number of weights, adapters not counted. */
  readonly parameterCount: number
  private readonly backend: EngineBackend
  private readonly terminate: () => Promise<void>
  private closing: Promise<void> | undefined

  private constructor(parts: EngineParts) {
    this.config = parts.config
    this.tokenizer = parts.tokenizer
    this.parameterCount = parts.parameterCount
    this.backend = parts.backend
    this.terminate = parts.terminate
  }

  /**
   * Opens a model folder in the Hugging Face layout.
   * @throws ModelError when a file is missing or damaged or the architecture is unsupported
   */
  static open(dir: string, options: EngineOptions = {}): Promise<Engine> {
    return start(
      () => readModelFiles(dir),
      dir,
      options,
      (parts) => new Engine(parts),
    )
  }

  /**
   * A new model with random weights from `options.seed`.
   * @param config the contents of its `config.json`
   * @throws ModelError as `open` does
   */
  static create(config: JsonObject, files: NewModelFiles, options: EngineOptions = {}): Promise<Engine> {
    return start(
      () => ({ ...files, config }),
      undefined,
      options,
      (parts) => new Engine(parts),
    )
  }

  /**
   * Log-probabilities (nats) of tokens 2 … n of each sequence, given those before them.
   * @param options `keep`: `accumulate` of the same sequences follows, and what small models computed is kept for it
   * @throws InputError for a token outside the vocabulary, ModelError for a sequence longer than the context
   */
  logprobs(sequences: readonly Tokens[], options: { keep?: boolean } = {}): Promise<Float32Array[]> {
    return this.backend.call('logprobs', { sequences, ...options })
  }

  /**
   * Adds the gradient of −Σ weight · log-probability; `step` uses and clears the sum.
   * @param weights one per predicted token, so n − 1 per sequence of n tokens
   * @returns the log-probabilities of the pass, as `logprobs` gives them
   */
  accumulate(sequences: readonly Tokens[], weights: readonly ArrayLike<number>[]): Promise<Float32Array[]> {
    return this.backend.call('accumulate', { sequences, weights })
  }

  /**
   * One update by AdamW, or by Muon and AdamW. Waits until answers in progress are complete; `gradNorm` is before clipping.
   * @throws NumericalError when the gradient is not finite; the weights stay as they were
   */
  step(settings: OptimizerSettings): Promise<{ gradNorm: number }> {
    return this.backend.call('step', settings)
  }

  /**
   * Samples `request.samples` answers to each prompt. Requests of concurrent calls share one running batch.
   * @param onToken is called with every token as it is drawn, the stop token included
   * @throws ModelError for a request that cannot be served; the signal's reason when aborted
   */
  async generate(
    requests: readonly SampleRequest[],
    signal?: AbortSignal,
    onToken?: (event: TokenEvent) => void,
  ): Promise<Generation[][]> {
    const stream = onToken !== undefined
    const answers = await this.backend.call('generate', { requests, stream }, { signal, onToken })
    return answers.map((ofRequest, i) => ofRequest.map((answer) => this.withText(answer, requests[i])))
  }

  /**
   * Writes a model folder that transformers, vLLM and llama.cpp's converter open; adapters are added to the weights.
   * The folder appears whole or not at all. @throws ModelError when it cannot be written
   */
  save(dir: string, options: { dtype?: StoredDtype } = {}): Promise<void> {
    return this.backend.call('save', { dir, dtype: options.dtype ?? 'F32' })
  }

  /** Writes AdamW's moments and step to `DIR/optimizer.safetensors`. */
  saveOptimizer(dir: string): Promise<void> {
    return this.backend.call('saveOptimizer', { dir })
  }

  /** @throws ModelError when the file is missing, damaged, or of another model */
  loadOptimizer(dir: string): Promise<void> {
    return this.backend.call('loadOptimizer', { dir })
  }

  /**
   * Writes what is trained, the optimizer's state and `note` to one file, whole or not at all, so that a training goes
   * on from there bit for bit. The gradient is not in it: save between steps. `owner` tells trainings apart.
   */
  saveState(path: string, { owner, note }: { owner: string; note: string }): Promise<void> {
    return this.backend.call('saveState', { path, owner, note })
  }

  /**
   * Puts a saved state back and gives its note; undefined, and nothing is changed, when there is none or it is another
   * owner's. @throws ModelError when the file is damaged, or of another model
   */
  loadState(path: string, owner: string): Promise<string | undefined> {
    return this.backend.call('loadState', { path, owner })
  }

  /** Does nothing where there is none. */
  removeState(path: string): Promise<void> {
    return this.backend.call('removeState', { path })
  }

  /** Keeps a copy of what is trained (the weights, or the adapters) in memory until `dropSnapshot` or `close`. */
  async snapshotWeights(): Promise<WeightsSnapshot> {
    return { id: await this.backend.call('snapshotWeights', undefined) }
  }

  /** Puts a copy back. Waits until answers in progress are complete. The optimizer's state stays. */
  restoreWeights(snapshot: WeightsSnapshot): Promise<void> {
    return this.backend.call('restoreWeights', { snapshot: snapshot.id })
  }

  dropSnapshot(snapshot: WeightsSnapshot): Promise<void> {
    return this.backend.call('dropSnapshot', { snapshot: snapshot.id })
  }

  stats(): Promise<EngineStats> {
    return this.backend.call('stats', undefined)
  }

  /** Waits for calls that were made before, frees the model and ends its thread. A second call does nothing more. */
  close(): Promise<void> {
    this.closing ??= this.shutDown()
    return this.closing
  }

  private async shutDown(): Promise<void> {
    try {
      await this.backend.call('close', undefined)
    } finally {
      await this.terminate()
    }
  }

  private withText(answer: SampledSequence, request: SampleRequest | undefined): Generation {
    const { tokens, logprobs, finishReason, stopString, topLogprobs } = answer
    const last = tokens.at(-1)
    const stopped = last !== undefined && request?.stopTokenIds.includes(last) === true
    const text = this.tokenizer.decode(stopped ? tokens.slice(0, -1) : tokens)
    const end = stopString === undefined ? -1 : text.indexOf(stopString)
    const top = topLogprobs === undefined ? {} : { topLogprobs }
    return { tokens, text: end < 0 ? text : text.slice(0, end), logprobs, finishReason, ...top }
  }
}

async function start(
  readFiles: () => ModelFiles,
  dir: string | undefined,
  options: EngineOptions,
  make: (parts: EngineParts) => Engine,
): Promise<Engine> {
  const files = readFiles()
  const config = parseModelConfig(files.config)
  const tokenizer = new Tokenizer(files)
  const { settings, replicas } = planReplicas(config, options)
  checkMemory(config, dir ?? 'the model', { ...options, replicas })
  const clients = options.inThread === true ? [] : Array.from({ length: replicas }, () => new WorkerClient())
  const backend = backendOf(clients)
  const terminate = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.terminate()))
  }
  try {
    const parameters = { files, settings, ...(dir === undefined ? {} : { dir }) }
    const { parameterCount } = await backend.call('open', parameters)
    return make({ config, tokenizer, parameterCount, backend, terminate })
  } catch (error) {
    await terminate()
    throw error
  }
}

/** @throws ModelError when weights, one answer and what training keeps cannot fit */
function checkMemory(config: ModelConfig, name: string, options: EngineOptions & { replicas: number }): void {
  const { lora = false, trains = false, replicas, recompute = 'auto', sharePrefixes = false } = options
  const lengths = typeof trains === 'boolean' ? {} : trains
  const training = trains !== false && {
    loraRank: lora === false ? 0 : lora.rank,
    recompute,
    sharePrefixes,
    ...lengths,
  }
  const need = memoryNeed(config, { replicas, training, int8: options.sampling === 'int8' })
  requireMemory(need, options.memoryBytes ?? availableMemory(), name)
}

/** More than this is not made small by splitting a batch, and each replica holds weights, gradient and moments. */
const LARGEST_REPLICATED = 16e6
const MOST_REPLICAS = 4
const DEFAULT_SLOTS = 64

/** How many replicas, and the settings of each. */
function planReplicas(config: ModelConfig, options: EngineOptions): { settings: EngineSettings; replicas: number } {
  const { inThread = false, replicas: wanted, memoryBytes: _memory, trains: _trains, ...settings } = options
  const small = countParameters(config) < LARGEST_REPLICATED
  const threads = settings.threads ?? availableParallelism()
  const replicas = inThread ? 1 : (wanted ?? (small ? Math.min(threads, MOST_REPLICAS) : 1))
  if (replicas === 1) return { settings, replicas }
  return {
    replicas,
    settings: {
      ...settings,
      threads: Math.max(1, Math.floor(threads / replicas)),
      maxSlots: Math.ceil((settings.maxSlots ?? DEFAULT_SLOTS) / replicas),
    },
  }
}

function backendOf(clients: readonly WorkerClient[]): EngineBackend {
  const [first, ...others] = clients
  if (first === undefined) return new EngineCore()
  return others.length === 0 ? first : new ReplicatedBackend(clients)
}
