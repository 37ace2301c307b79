/**
 * The messages between the facade and the engine's thread. Plain data that structured cloning carries; errors cross as
 * their class name and facts and come out as the same class.
 */
import * as errors from '../../core/errors.ts'
import type { ModelFiles } from '../formats/model-folder.ts'
import type { StoredDtype } from '../formats/safetensors-writer.ts'
import type { Device } from '../training/device.ts'
import type { OptimizerSettings } from '../training/trainer.ts'
import type { SharePrefixes } from '../training/memory.ts'
import type { SampleRequest, SampledSequence, TokenEvent } from '../sampling/requests.ts'

export interface EngineSettings {
  /** Threads within one operator. Default: as many as ONNX Runtime chooses. */
  threads?: number
  /** Train low-rank adapters instead of the weights. Default false. */
  lora?: false | { rank: number; alpha: number }
  /**
   * The folder of a LoRA adapter in PEFT's layout, on top of the weights. With `lora` of the same rank and alpha it is
   * what is trained on; otherwise it is added to the weights once, when they are loaded.
   */
  adapter?: string
  /** Compute the common beginning of sequences that follow each other once, in training (`TrainerOptions`). Default false. */
  sharePrefixes?: SharePrefixes
  /** Compute layers twice instead of keeping what they computed (`TrainerOptions`). Default `auto`. */
  recompute?: boolean | 'auto'
  /**
   * What training computes log-probabilities and gradients on. Default `cpu`. Sampling is on the processor always.
   * A device that does not compute the same is refused when the model is opened.
   */
  device?: Device
  /** Seeds fresh weights and adapters. Default 0. */
  seed?: number
  /** Most answers sampled at a time. Default 64. */
  maxSlots?: number
  /** Sample from weights rounded to int8, several times as fast; log-probabilities and training stay float32. Default `float32`. */
  sampling?: 'float32' | 'int8'
  /** Answers do not depend on what else is in the batch, not even in their last bits; slower. Default false. */
  batchInvariant?: boolean
}

/** Memory through which replicas add up their gradients: one slot of equal length for each. */
export interface GradientExchange {
  buffer: SharedArrayBuffer
  replicas: number
}

export interface OpenParameters {
  files: ModelFiles
  /** The folder to load weights from; absent: fresh random weights. */
  dir?: string
  settings: EngineSettings
}

export interface EngineStats {
  /** Tokens drawn. */
  sampledTokens: number
  /** Prompt tokens of the requests served. */
  promptTokens: number
  /** Those of them that were not computed, because another prompt with the same beginning was there. */
  reusedTokens: number
  /** Tokens that went through a backward pass. */
  trainedTokens: number
  /** Tokens that went through a forward pass for log-probabilities only. */
  scoredTokens: number
  samplingSeconds: number
  trainingSeconds: number
  /** How often an answer left the cache to make room for others, to be computed again. */
  preemptions: number
  /** Answers in progress now, and requests or begun answers that wait for a place. */
  runningSamples: number
  waitingRequests: number
}

/** Token ids: an array or a typed array. */
export type Tokens = ArrayLike<number>

/** What the thread can be asked: parameters and result of each method. */
export interface EngineMethods {
  open: { parameters: OpenParameters; result: { parameterCount: number; trainableLength: number } }
  /** With `keep`, `accumulate` of the same sequences follows, and what was computed may be kept for it. */
  logprobs: { parameters: { sequences: readonly Tokens[]; keep?: boolean }; result: Float32Array[] }
  accumulate: {
    parameters: { sequences: readonly Tokens[]; weights: readonly ArrayLike<number>[] }
    result: Float32Array[]
  }
  /** Writes the accumulated gradient into a slot of the exchange. */
  shareGradient: { parameters: { exchange: GradientExchange; slot: number }; result: undefined }
  /** With an exchange, the gradient is first replaced by the sum over its slots. */
  step: { parameters: OptimizerSettings & { exchange?: GradientExchange }; result: { gradNorm: number } }
  /** With `stream`, every token also comes as an event. */
  generate: { parameters: { requests: readonly SampleRequest[]; stream?: boolean }; result: SampledSequence[][] }
  save: { parameters: { dir: string; dtype: StoredDtype }; result: undefined }
  saveOptimizer: { parameters: { dir: string }; result: undefined }
  loadOptimizer: { parameters: { dir: string }; result: undefined }
  saveState: { parameters: { path: string; owner: string; note: string }; result: undefined }
  /** The note; undefined when there is no state, or it is another owner's. */
  loadState: { parameters: { path: string; owner: string }; result: string | undefined }
  removeState: { parameters: { path: string }; result: undefined }
  snapshotWeights: { parameters: undefined; result: number }
  restoreWeights: { parameters: { snapshot: number }; result: undefined }
  dropSnapshot: { parameters: { snapshot: number }; result: undefined }
  stats: { parameters: undefined; result: EngineStats }
  close: { parameters: undefined; result: undefined }
}

export type EngineMethod = keyof EngineMethods

/** Something that carries out the methods: the engine itself, or a thread that holds one. */
export interface EngineBackend {
  call<M extends EngineMethod>(
    method: M,
    parameters: EngineMethods[M]['parameters'],
    options?: CallOptions,
  ): Promise<EngineMethods[M]['result']>
}

export interface CallOptions {
  signal?: AbortSignal | undefined
  /** Tokens of a streaming `generate`, as they are drawn. */
  onToken?: ((event: TokenEvent) => void) | undefined
}

export type ToWorker =
  | { type: 'call'; id: number; method: EngineMethod; parameters: EngineMethods[EngineMethod]['parameters'] }
  | { type: 'abort'; id: number }

export type FromWorker =
  | { type: 'result'; id: number; value: EngineMethods[EngineMethod]['result'] }
  | { type: 'error'; id: number; error: WireError }
  | { type: 'tokens'; id: number; events: TokenEvent[] }

export interface WireError {
  name: string
  message: string
  stack: string | undefined
}

export function toWire(error: unknown): WireError {
  if (error instanceof Error) return { name: error.name, message: error.message, stack: error.stack }
  return { name: 'Error', message: errors.errorMessage(error), stack: undefined }
}

/** The engine throws no other classes of ours than these. */
const CLASSES: Readonly<Record<string, new (message: string) => Error>> = {
  ModelError: errors.ModelError,
  InputError: errors.InputError,
  ConfigError: errors.ConfigError,
  NumericalError: errors.NumericalError,
  RangeError,
  TypeError,
}

export function fromWire({ name, message, stack }: WireError): Error {
  const error = new (CLASSES[name] ?? Error)(message)
  if (CLASSES[name] === undefined) error.name = name
  if (stack !== undefined) error.stack = stack
  return error
}
