/**
 * Main memory that a model takes in this engine, told from its configuration before anything is loaded. Pure.
 *
 * What is counted is what the engine allocates: weights in float32 (one flat buffer), the key-value cache of the running
 * answers, next-token distributions, the widest activations of one pass, and in training the gradient, Adam's two moments
 * and the activations of one micro-batch.
 */
import { ModelError } from '../core/errors.ts'
import type { ModelConfig } from './models/config.ts'
import { countParameters, layerLinears } from './models/parameters.ts'
import { MOST_PACKED } from './models/inference-graph.ts'
import { CACHE_BYTES, KvCache } from './sampling/kv-cache.ts'
import { trainingMemory } from './training/memory.ts'
import type { MemoryParts, TrainingUse } from './training/memory.ts'

export interface MemoryUse {
  /** Copies of the model. Default 1. */
  readonly replicas?: number
  /** Answers in progress at a time, over all copies. Default 1. */
  readonly slots?: number
  /** Tokens of prompt and answer. Default 1024, or the context if that is shorter. */
  readonly tokens?: number
  /** Sampling from int8 weights beside those in float32. Default false. */
  readonly int8?: boolean
  /** Default false: nothing is trained. */
  readonly training?: false | TrainingUse
}

export interface MemoryNeed {
  readonly parts: MemoryParts
  readonly total: number
  readonly training: boolean
}

const FLOAT = 4
/** Allowance for Node.js, ONNX Runtime and the code, without a model. */
const PROCESS = 160 * 2 ** 20
/**
 * Allowance, in bytes, for a tokenizer in two threads: parsed JSON, vocabulary, merges. With both, the shape of
 * Qwen2.5-0.5B is predicted to take 2,296 MiB, and took 2,151 (random weights, `pop generate`, 16 tokens).
 */
const PER_TOKEN_OF_VOCABULARY = 1000
/**
 * Copies of the weights that a graph holds while it is compiled: as they were rounded, serialised, and twice within ONNX Runtime.
 * So the shape of Qwen2.5-0.5B is predicted to take 4,180 MiB, and took 4,196 (random weights, `Engine.open` with int8, one answer).
 */
const HELD_COPIES = 4
const LEAST_ANSWER = 1024
/** Prompts of one pass together have at most about so many tokens. */
const PASS_TOKENS = 1024

export function memoryNeed(config: ModelConfig, use: MemoryUse = {}): MemoryNeed {
  const { replicas = 1, training = false } = use
  const parts: [string, number][] = [
    ['process', PROCESS + PER_TOKEN_OF_VOCABULARY * config.vocabSize],
    ['weights', replicas * FLOAT * countParameters(config)],
  ]
  const held = replicas * HELD_COPIES * matrixWeights(config)
  if (use.int8 === true) parts.push(['int8 weights', held])
  else if (countParameters(config) < MOST_PACKED) parts.push(['packed weights', held * FLOAT])
  parts.push(['sampling', samplingBytes(config, use)])
  const trained = training === false ? [] : trainingMemory(config, training)
  for (const [name, bytes] of trained) parts.push([name, replicas * bytes])
  return { parts, total: parts.reduce((sum, [, bytes]) => sum + bytes, 0), training: training !== false }
}

/**
 * Refuses what cannot fit.
 * @param available bytes that the process may still take
 * @throws {ModelError} with the numbers
 */
export function requireMemory(need: MemoryNeed, available: number, name: string): void {
  if (need.total <= available) return
  throw new ModelError(
    `${name} needs about ${gibibytes(need.total)} of memory (${describeMemory(need)}), and ${gibibytes(available)} are free: ` +
      `free some, take a smaller model, ${need.training ? `${lessToTrain}, ` : ''}` +
      'or play it on a server (model.backend: openai); if more can be had, set POP_MEMORY_GIB',
  )
}

/** What makes training smaller. */
export const lessToTrain = 'train adapters (training.lora), set training.recompute: true or a lower training.maxLength'

/** The parts worth a word, largest first: `weights 28.4 GiB, sampling 1.1 GiB`. */
export function describeMemory({ parts }: MemoryNeed): string {
  const shown = parts.filter(([, bytes]) => bytes >= 2 ** 20).toSorted(([, a], [, b]) => b - a)
  return shown.map(([name, bytes]) => `${name} ${gibibytes(bytes)}`).join(', ')
}

function gibibytes(bytes: number): string {
  return bytes < 0.1 * 2 ** 30 ? `${Math.round(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`
}

/** Of the seven matrices of each layer and the head. */
function matrixWeights(config: ModelConfig): number {
  const layer = layerLinears(config, 0).reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0)
  return layer * config.layers + config.vocabSize * config.hiddenSize
}

function samplingBytes(config: ModelConfig, { slots = 1, tokens = 1024 }: MemoryUse): number {
  const length = Math.min(tokens, config.maxPositions)
  const row = length * KvCache.bytesPerToken(config)
  // One answer always has room, however long it is.
  const cache = Math.max(row, Math.min(CACHE_BYTES, slots * row))
  // Log-probabilities and probabilities, each as a node's result and in the buffer that it is read from.
  const distributions = 4 * slots * config.vocabSize * FLOAT
  return cache + distributions + Math.max(PASS_TOKENS, length) * activationFloats(config) * FLOAT
}

/**
 * Most tokens of an answer that nobody bounded: what the context leaves, and the cache holds of one answer. A prompt that fills
 * the cache by itself still gets an answer.
 */
export function answerRoom(config: ModelConfig, promptTokens: number): number {
  const cached = Math.floor(CACHE_BYTES / KvCache.bytesPerToken(config))
  return Math.max(1, Math.min(config.maxPositions - promptTokens, Math.max(cached - promptTokens, LEAST_ANSWER)))
}

/** Of one token in one layer, as long as the layer is computed. */
function activationFloats({ hiddenSize, heads, kvHeads, headDim, intermediateSize }: ModelConfig): number {
  return 4 * hiddenSize + 2 * (heads + 2 * kvHeads) * headDim + 3 * intermediateSize
}
