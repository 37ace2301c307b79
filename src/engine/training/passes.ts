/**
 * Forward and backward passes over sequences: packs them into micro-batches, picks the program that takes each, feeds it and
 * takes its results. Knows no optimizer, and of adapters only that they are parameters.
 */
import { InputError, ModelError } from '../../core/errors.ts'
import type { TensorData } from '../graph/dtype.ts'
import type { ModelConfig } from '../models/config.ts'
import {
  gradientInput,
  gradientOutput,
  IDS,
  LOGPROBS,
  PLACES,
  POSITIONS,
  ROW_OWNERS,
  ROW_TOKENS,
  SEEDS,
  TARGETS,
} from '../models/decoder.ts'
import type { DecoderProgram } from '../models/decoder.ts'
import type { LoraOptions } from '../models/lora.ts'
import type { ParameterStore } from '../models/parameters.ts'
import { MAX_LOGITS } from '../ops/head.ts'
import type { Device, ExecutableOptions, Feed } from '../runtime/executable.ts'
import { bucketLength, planMicroBatches } from './batching.ts'
import type { MicroBatch } from './batching.ts'
import { pack } from './fill.ts'
import type { Content, Packed } from './fill.ts'
import { MICRO_BATCH_TOKENS, recomputes } from './memory.ts'
import type { PassSize, Recompute, SharePrefixes } from './memory.ts'
import type { PrefixGroup } from './prefix-groups.ts'
import { groupSize, prefixGroups } from './prefix-groups.ts'
import type { CompiledDecoder, ProgramShape } from './programs.ts'
import { ProgramCache } from './programs.ts'

export interface PassOptions {
  /** Where log-probabilities and gradients are computed; updates are made on the processor. Default `cpu`. */
  readonly device?: Device
  /** Places per forward and backward pass, padding included. Default 1024. */
  readonly maxTokensPerMicroBatch?: number
  /**
   * Compute the layers a second time for the gradient instead of keeping what they computed: a third more work, a
   * fraction of the memory. Default `auto`: where keeping it would take more than 4 GiB.
   */
  readonly recompute?: Recompute
  /**
   * Compute the common beginning of sequences that follow each other (the answers to one prompt) once: never, where a
   * micro-batch has room for all (`short`), or also of longer ones, which takes more memory. Default false. Results
   * then differ from those of the sequences alone by rounding.
   */
  readonly sharePrefixes?: SharePrefixes
  /** Elements of logits that exist at a time; more are taken in blocks of positions. Default 2²⁵ (128 MiB). */
  readonly maxLogits?: number
}

/** What the passes read and differentiate by. */
export interface PassWeights {
  /** All parameters, adapters included. */
  readonly stores: readonly ParameterStore[]
  readonly trainable: ParameterStore
  readonly lora: LoraOptions | undefined
}

/** A backward pass: what every prediction weighs, and the tensor that a parameter's gradient is added onto. */
export interface Backward {
  /** One per predicted token (n − 1 per sequence). */
  readonly weights: readonly ArrayLike<number>[]
  readonly gradient: (name: string) => Float32Array
}

type Tokens = ArrayLike<number>

/** Compiled shapes that are kept. */
const PROGRAMS = 64

export class Passes {
  private readonly config: ModelConfig
  private readonly programs: ProgramCache
  private readonly weights: Record<string, Float32Array>
  private readonly maxTokens: number
  private readonly maxLogits: number
  private readonly sharePrefixes: SharePrefixes
  private readonly recomputes: (size: PassSize) => boolean

  constructor(
    config: ModelConfig,
    { stores, trainable, lora }: PassWeights,
    options: PassOptions,
    execution: ExecutableOptions,
  ) {
    this.config = config
    const specs = stores.flatMap((store) => store.specs.map((spec) => ({ ...spec, values: store.get(spec.name) })))
    this.weights = Object.fromEntries(specs.map(({ name, values }) => [name, values]))
    this.maxTokens = options.maxTokensPerMicroBatch ?? MICRO_BATCH_TOKENS
    this.maxLogits = options.maxLogits ?? MAX_LOGITS
    this.sharePrefixes = options.sharePrefixes ?? false
    const recomputing = { loraRank: lora?.rank ?? 0, recompute: options.recompute ?? 'auto' }
    this.recomputes = (size) => recomputes(config, size, recomputing)
    this.programs = new ProgramCache({
      config,
      shapes: new Map(specs.map(({ name, shape }) => [name, shape])),
      trainable: trainable.specs.map(({ name }) => name),
      lora: lora && { scale: lora.alpha / lora.rank },
      maxLogits: options.maxLogits,
      execution: { ...execution, device: options.device ?? 'cpu' },
      limit: PROGRAMS,
    })
  }

  /**
   * Log-probabilities (nats) of tokens 2 … n of each sequence; with `backward`, the gradient of −Σ weight ·
   * log-probability is added to its tensors. Throws InputError for a token outside the vocabulary, ModelError for a
   * sequence longer than the context.
   */
  async run(sequences: readonly Tokens[], backward?: Backward): Promise<Float32Array[]> {
    sequences.forEach((tokens, index) => this.check(tokens, index))
    const results = sequences.map((tokens) => new Float32Array(Math.max(0, tokens.length - 1)))
    const groups = this.groupsOf(sequences)
    const lengths = groups.map(({ items }) => items.map((item) => results[item]?.length ?? 0))
    const sizes = groups.map(({ prefix }, i) => groupSize(lengths[i] ?? [], prefix))
    for (const batch of planMicroBatches(sizes, this.maxTokens)) {
      const content = {
        groups: batch.items.flatMap((item) => groups[item] ?? []),
        sequences,
        weights: backward?.weights,
      }
      const { packed, shape } = this.prepare(batch, content)
      const logprobs = await this.compute(await this.programs.get(shape), packed, backward)
      for (const { item, from, count, at } of packed.segments) {
        results[item]?.set(logprobs.subarray(at, at + count), from)
      }
    }
    return results
  }

  /** The sequences that have something to predict, those with a common beginning together. */
  private groupsOf(sequences: readonly Tokens[]): readonly PrefixGroup[] {
    const groups = prefixGroups(sequences, this.maxTokens, this.sharePrefixes)
    return groups.filter(({ items }) => items.length > 1 || (sequences[items[0] ?? 0]?.length ?? 0) > 1)
  }

  /** What a micro-batch feeds, and which program takes it. */
  private prepare(batch: MicroBatch, content: Content): { packed: Packed; shape: ProgramShape } {
    const gradients = content.weights !== undefined
    const recompute = gradients && this.recomputes(batch)
    // Few kinds of programs: two, four or eight rows at most for a token.
    const copies = 2 ** Math.ceil(Math.log2(batch.copies))
    const { kvHeads, vocabSize } = this.config
    // Too many tokens for one block of logits, padding included.
    const blocks = (bucketLength(batch.tokens + 1) + 1) * vocabSize > this.maxLogits
    const rounded = recompute || blocks
    const packed = pack(batch, content, { kvHeads, copies, rounded })
    const tokens = rounded ? packed.tokens : undefined
    return { packed, shape: { length: batch.length, copies, tokens, gradients, recompute } }
  }

  /** Fills the gradients with what is added to them, and returns the log-probabilities of the tokens. */
  private async compute(
    { program, executable }: CompiledDecoder,
    packed: Packed,
    backward?: Backward,
  ): Promise<Float32Array> {
    const gradientOf = (name: string): Float32Array => backward?.gradient(name) ?? new Float32Array()
    const logprobs = new Float32Array(packed.tokens)
    const feeds: Record<string, Feed> = { ...this.weights, ...this.inputsOf(packed, program) }
    const outputs: Record<string, Feed> = { [LOGPROBS]: shaped(logprobs, [packed.tokens]) }
    for (const name of program.denseGradients) {
      const gradient = gradientOf(name)
      feeds[gradientInput(name)] = gradient
      outputs[gradientOutput(name)] = gradient
    }
    const rows = program.rowGradients.map((each) => ({ ...each, rows: new Float32Array(packed.tokens * each.width) }))
    for (const { output, width, rows: data } of rows) outputs[output] = shaped(data, [packed.tokens, width])
    await executable.run(feeds, outputs)
    for (const { parameter, indices, ...gradients } of rows) {
      if (indices === IDS) addRows(gradientOf(parameter), packed.ids, gradients, this.config.padTokenId)
      else addRows(gradientOf(parameter), packed.targets, gradients)
    }
    return logprobs
  }

  private inputsOf(packed: Packed, program: DecoderProgram): Record<string, Feed> {
    const { tokens, rows, ids, targets, positions, seeds, rowTokens, rowOwners, places } = packed
    const { kvHeads } = this.config
    const length = rowTokens.length / (rows * kvHeads)
    const copies = places.length / (tokens * kvHeads)
    const gradients = program.denseGradients.length + program.rowGradients.length > 0
    return {
      [IDS]: shaped(ids, [tokens]),
      [TARGETS]: shaped(targets, [tokens]),
      [POSITIONS]: shaped(positions, [tokens, 1]),
      [ROW_TOKENS]: shaped(rowTokens, [rows, kvHeads, length]),
      [PLACES]: shaped(places, [tokens, kvHeads, copies]),
      ...(copies > 1 && { [ROW_OWNERS]: shaped(rowOwners, [rows, kvHeads, length, 1]) }),
      ...(gradients && { [SEEDS]: shaped(seeds, [tokens]) }),
    }
  }

  async release(): Promise<void> {
    await this.programs.release()
  }

  private check(tokens: Tokens, index: number): void {
    const { maxPositions, vocabSize } = this.config
    if (tokens.length > maxPositions) {
      throw new ModelError(
        `sequence ${index} has ${tokens.length} tokens, the model's context is ${maxPositions}; shorten it or drop it`,
      )
    }
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i] ?? -1
      if (!Number.isInteger(token) || token < 0 || token >= vocabSize) {
        throw new InputError(`sequence ${index}: token ${token} is not in the vocabulary of ${vocabSize}`)
      }
    }
  }
}

function shaped(data: TensorData, shape: readonly number[]): Feed {
  return { data, shape }
}

interface RowGradients {
  /** [N, width] */
  readonly rows: Float32Array
  readonly width: number
}

/**
 * table[indices[n]] += rows[n], but for `skipped`. Here, because ONNX Runtime's scatter-add races when an index comes
 * twice.
 */
function addRows(table: Float32Array, indices: Int32Array, { rows, width }: RowGradients, skipped?: number): void {
  for (let n = 0; n < indices.length; n++) {
    if (indices[n] === skipped) continue
    const target = (indices[n] ?? 0) * width
    const source = n * width
    for (let i = 0; i < width; i++) table[target + i] = (table[target + i] ?? 0) + (rows[source + i] ?? 0)
  }
}
