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
import { KeptPasses } from './kept.ts'
import type { KeptPass } from './kept.ts'
import { activationBytes, KEPT_BYTES, MICRO_BATCH_TOKENS, recomputes } from './memory.ts'
import type { PassSize, Recompute, SharePrefixes } from './memory.ts'
import type { PrefixGroup } from './prefix-groups.ts'
import { groupSize, prefixGroups } from './prefix-groups.ts'
import type { ProgramShape } from './programs.ts'
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

export interface PassRequest {
  readonly backward?: Backward | undefined
  /** The gradient of the same sequences follows. Default false. */
  readonly keep?: boolean
}

interface BatchRequest {
  readonly backward: Backward | undefined
  readonly keep: boolean
  /** Of the micro-batch in its plan. */
  readonly index: number
  /** What an earlier pass over it kept. */
  readonly known: KeptPass | undefined
}

interface PassResult {
  readonly packed: Packed
  /** Of all its tokens [N]. */
  readonly logprobs: Float32Array
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
  private readonly loraRank: number
  private readonly kept = new KeptPasses(KEPT_BYTES)

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
    this.loraRank = lora?.rank ?? 0
    const recomputing = { loraRank: this.loraRank, recompute: options.recompute ?? 'auto' }
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
   * log-probability is added to its tensors. With `keep`, what the passes computed is kept, as far as `KEPT_BYTES` go, and
   * the gradient of the same sequences with the same weights needs no forward pass. Throws InputError for a token
   * outside the vocabulary, ModelError for a sequence longer than the context.
   */
  async run(sequences: readonly Tokens[], { backward, keep = false }: PassRequest = {}): Promise<Float32Array[]> {
    sequences.forEach((tokens, index) => this.check(tokens, index))
    const results = sequences.map((tokens) => new Float32Array(Math.max(0, tokens.length - 1)))
    const groups = this.groupsOf(sequences)
    const lengths = groups.map(({ items }) => items.map((item) => results[item]?.length ?? 0))
    const sizes = groups.map(({ prefix }, i) => groupSize(lengths[i] ?? [], prefix))
    const known = backward && this.kept.take(sequences)
    if (keep) this.kept.begin(sequences)
    for (const [index, batch] of planMicroBatches(sizes, this.maxTokens).entries()) {
      const content = {
        groups: batch.items.flatMap((item) => groups[item] ?? []),
        sequences,
        weights: backward?.weights,
      }
      const { packed, logprobs } = await this.runBatch(batch, content, {
        backward,
        keep,
        index,
        known: known?.get(index),
      })
      for (const { item, from, count, at } of packed.segments) {
        results[item]?.set(logprobs.subarray(at, at + count), from)
      }
    }
    return results
  }

  private async runBatch(batch: MicroBatch, content: Content, request: BatchRequest): Promise<PassResult> {
    const { backward, keep, index, known } = request
    if (known !== undefined && backward !== undefined) return this.differentiate(batch, content, backward, known)
    const kept = keep ? await this.computeFirst(batch, content, index) : undefined
    return kept ?? this.compute(batch, content, backward)
  }

  /** About what a micro-batch carries from its first part to its second. */
  private keptBytes(batch: MicroBatch): number {
    const logits = batch.tokens * this.config.vocabSize * Float32Array.BYTES_PER_ELEMENT
    return activationBytes(this.config, batch, this.loraRank) + logits
  }

  /** The weights are about to change: nothing that was computed with them holds any more. */
  forget(): void {
    this.kept.forget()
  }

  /** The sequences that have something to predict, those with a common beginning together. */
  private groupsOf(sequences: readonly Tokens[]): readonly PrefixGroup[] {
    const groups = prefixGroups(sequences, this.maxTokens, this.sharePrefixes)
    return groups.filter(({ items }) => items.length > 1 || (sequences[items[0] ?? 0]?.length ?? 0) > 1)
  }

  /** The whole of a program: log-probabilities of the tokens, and what is added to the gradients if there are any. */
  private async compute(batch: MicroBatch, content: Content, backward: Backward | undefined): Promise<PassResult> {
    const gradients = backward !== undefined
    const recompute = gradients && this.recomputes(batch)
    const rounded = recompute || this.headInBlocks(batch)
    const packed = this.pack(batch, content, rounded)
    const tokens = rounded ? packed.tokens : undefined
    const { program, executable } = await this.programs.get({
      ...shapeOf(batch),
      tokens,
      gradients,
      recompute,
      split: false,
    })
    const logprobs = new Float32Array(packed.tokens)
    const feeds = { ...this.weights, ...this.inputsOf(packed, gradients) }
    const outputs = { [LOGPROBS]: shaped(logprobs, [packed.tokens]) }
    await this.addGradients({ program, packed, backward }, (before, after) =>
      executable.run({ ...feeds, ...before }, { ...outputs, ...after }),
    )
    return { packed, logprobs }
  }

  /** The first part of a program in two, with what it carries over kept; undefined when that is too much. */
  private async computeFirst(batch: MicroBatch, content: Content, index: number): Promise<PassResult | undefined> {
    if (this.recomputes(batch) || this.headInBlocks(batch) || !this.kept.reserve(this.keptBytes(batch)))
      return undefined
    const packed = this.pack(batch, content, false)
    const { program, executable } = await this.programs.get(inTwo(batch))
    const carried = this.kept.allocate(index, program.second?.carried ?? [], packed)
    const logprobs = new Float32Array(packed.tokens)
    const outputs = { [LOGPROBS]: shaped(logprobs, [packed.tokens]), ...carried }
    await executable.run({ ...this.weights, ...this.inputsOf(packed, false) }, outputs)
    this.kept.keep(index, { logprobs, carried })
    return { packed, logprobs }
  }

  /** The second part, on what the first carried over. */
  private async differentiate(
    batch: MicroBatch,
    content: Content,
    backward: Backward,
    { carried, logprobs }: KeptPass,
  ): Promise<PassResult> {
    const packed = this.pack(batch, content, false)
    const { program, second } = await this.programs.get(inTwo(batch))
    const wanted = program.second?.inputs ?? new Set()
    const all = Object.entries({ ...this.weights, ...this.inputsOf(packed, true), ...carried })
    const feeds = Object.fromEntries(all.filter(([name]) => wanted.has(name)))
    await this.addGradients({ program, packed, backward }, async (before, after) =>
      second?.run({ ...feeds, ...before }, after),
    )
    return { packed, logprobs }
  }

  /** Whether there are too many tokens for one block of logits, padding included. */
  private headInBlocks({ tokens }: MicroBatch): boolean {
    return (bucketLength(tokens + 1) + 1) * this.config.vocabSize > this.maxLogits
  }

  /** What a micro-batch feeds; `rounded` where its program must know the number of tokens. */
  private pack(batch: MicroBatch, content: Content, rounded: boolean): Packed {
    return pack(batch, content, { kvHeads: this.config.kvHeads, copies: copiesOf(batch), rounded })
  }

  /** Has `run` add the gradients to those that are there: dense ones in place, rows of tables by their indices. */
  private async addGradients(
    { program, packed, backward }: { program: DecoderProgram; packed: Packed; backward: Backward | undefined },
    run: (before: Record<string, Feed>, after: Record<string, Feed>) => Promise<void>,
  ): Promise<void> {
    const gradientOf = (name: string): Float32Array => backward?.gradient(name) ?? new Float32Array()
    const dense = program.denseGradients.map((name) => [name, gradientOf(name)] as const)
    const rows = program.rowGradients.map((each) => ({ ...each, rows: new Float32Array(packed.tokens * each.width) }))
    await run(Object.fromEntries(dense.map(([name, gradient]) => [gradientInput(name), gradient])), {
      ...Object.fromEntries(dense.map(([name, gradient]) => [gradientOutput(name), gradient])),
      ...Object.fromEntries(rows.map((each) => [each.output, shaped(each.rows, [packed.tokens, each.width])])),
    })
    for (const { parameter, indices, ...gradients } of rows) {
      if (indices === IDS) addRows(gradientOf(parameter), packed.ids, gradients, this.config.padTokenId)
      else addRows(gradientOf(parameter), packed.targets, gradients)
    }
  }

  private inputsOf(packed: Packed, gradients: boolean): Record<string, Feed> {
    const { tokens, rows, ids, targets, positions, seeds, rowTokens, rowOwners, places } = packed
    const { kvHeads } = this.config
    const length = rowTokens.length / (rows * kvHeads)
    const copies = places.length / (tokens * kvHeads)
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
    this.kept.release()
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

function shapeOf(batch: MicroBatch): Pick<ProgramShape, 'length' | 'copies'> {
  return { length: batch.length, copies: copiesOf(batch) }
}

/** Log-probabilities first, gradients when what they weigh is known. */
function inTwo(batch: MicroBatch): ProgramShape {
  return { ...shapeOf(batch), tokens: undefined, gradients: true, recompute: false, split: true }
}

/** Few kinds of programs: one, two, four or eight rows at most for a token. */
function copiesOf({ copies }: MicroBatch): number {
  return 2 ** Math.ceil(Math.log2(copies))
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
