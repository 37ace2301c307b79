/** The sampler's view of a decoder: the inference graph, the cache, and the live weights of training. */
import { CACHE_BYTES, KvCache } from './kv-cache.ts'
import {
  INFERENCE_INPUTS,
  INFERENCE_OUTPUTS,
  MOST_PACKED,
  cacheNames,
  inferenceGraph,
  isHeld,
} from '../models/inference-graph.ts'
import { ropeTable } from '../models/rope.ts'
import { Executable } from '../runtime/executable.ts'
import { largestInt8Weight } from '../runtime/int8-products.ts'
import type { ModelConfig } from '../models/config.ts'
import type { HeldWeights } from '../models/inference-graph.ts'
import type { ParameterStore } from '../models/parameters.ts'
import type { RopeTable } from '../models/rope.ts'
import type { Feed } from '../runtime/executable.ts'
import type { Distributions, RowSnapshot, TokenModel } from './token-model.ts'

/** Rows are allocated in these steps, so that small jobs stay small. */
const ROW_STEPS = [1, 8, 16, 32, 64, 128, 256]
const CAPACITY_STEP = 64

export interface CachedModelOptions {
  readonly threads?: number
  /** Multiply by int8 weights. Default false: float32. */
  readonly int8?: boolean
  /**
   * Give the graph float32 weights of its own, laid out for its products once: faster, most of all with few rows, at the cost of
   * copies and of compiling anew after every update. Default: for models below 16M weights.
   */
  readonly packed?: boolean
  /** Compute every row by itself: slower, and no answer depends on what else is in the batch. Default false. */
  readonly batchInvariant?: boolean
  /** Keys and values take no more than this, if they are of more than one answer. Default 2 GiB. */
  readonly cacheBytes?: number
}

interface Pass {
  firstRow: number
  rows: number
  /** T: tokens per row, padding included. */
  width: number
  /** [rows × width], row-major. */
  tokens: BigInt64Array
  /** Real tokens per row in this pass. */
  counts: readonly number[]
  /** Tokens in each row's cache before this pass. */
  before: readonly number[]
  temperatures: readonly number[]
}

export class CachedModel implements TokenModel {
  readonly vocabSize: number
  readonly contextLength: number
  readonly bytesPerToken: number
  private readonly config: ModelConfig
  private readonly options: CachedModelOptions
  private executable: Executable
  /** Those that the graph reads on every pass; the others are held in it. */
  private readonly weights: Record<string, Float32Array>
  /** For the positions of the cache; a context can be far longer than what is asked for. */
  private rope: RopeTable
  private cache: KvCache | undefined
  private outputs: Distributions = { logprobs: new Float32Array(0), probabilities: new Float32Array(0) }

  private constructor(
    config: ModelConfig,
    parameters: ParameterStore,
    { executable, options }: { executable: Executable; options: CachedModelOptions },
  ) {
    this.config = config
    this.options = options
    this.vocabSize = config.vocabSize
    this.contextLength = config.maxPositions
    this.bytesPerToken = KvCache.bytesPerToken(config)
    this.executable = executable
    const held = heldAs(parameters, options) !== undefined
    const read = parameters.specs.filter(({ name }) => !held || !isHeld(config, name))
    this.weights = Object.fromEntries(read.map(({ name }) => [name, parameters.get(name)]))
    this.rope = ropeTable(config, 0)
  }

  /** `parameters` are read in place, or held by the graph: an update is seen after `refresh`. */
  static async create(
    config: ModelConfig,
    parameters: ParameterStore,
    options: CachedModelOptions = {},
  ): Promise<CachedModel> {
    const executable = await compile(config, parameters, options)
    return new CachedModel(config, parameters, { executable, options })
  }

  /** Takes over changed weights where the graph holds its own. */
  async refresh(parameters: ParameterStore): Promise<void> {
    if (heldAs(parameters, this.options) === undefined) return
    await this.executable.release()
    this.executable = await compile(this.config, parameters, this.options)
  }

  maxRows(capacity: number): number {
    const { cacheBytes = CACHE_BYTES } = this.options
    return Math.max(1, Math.floor(cacheBytes / (this.bytesPerToken * this.roundedCapacity(capacity))))
  }

  reserve(rows: number, capacity: number, lengths: readonly number[]): void {
    const { cache, config } = this
    if (cache !== undefined && cache.rows >= rows && cache.capacity >= capacity) return
    const kept = cache !== undefined && rows <= this.maxRows(cache.capacity) ? cache.capacity : 0
    const wantedCapacity = Math.max(kept, this.roundedCapacity(capacity))
    const stepped = ROW_STEPS.find((step) => step >= rows) ?? rows
    const wantedRows = Math.max(rows, Math.min(stepped, this.maxRows(wantedCapacity)))
    const shape = { layers: config.layers, kvHeads: config.kvHeads, headDim: config.headDim }
    if (cache === undefined) this.cache = new KvCache(shape, wantedRows, wantedCapacity)
    else cache.resize(wantedRows, wantedCapacity, lengths)
    this.rope = ropeTable(config, wantedCapacity)
    const length = wantedRows * this.vocabSize
    if (this.outputs.logprobs.length < length) {
      this.outputs = { logprobs: new Float32Array(length), probabilities: new Float32Array(length) }
    }
  }

  private roundedCapacity(capacity: number): number {
    return Math.min(Math.ceil(capacity / CAPACITY_STEP) * CAPACITY_STEP, this.contextLength)
  }

  /** Gives the cache's memory back; only when no row is in use. */
  dropCache(): void {
    this.cache = undefined
  }

  prefill(firstRow: number, prompts: readonly Int32Array[], temperatures: readonly number[]): Promise<Distributions> {
    const counts = prompts.map((prompt) => prompt.length)
    const width = Math.max(...counts)
    const tokens = new BigInt64Array(prompts.length * width)
    for (const [row, prompt] of prompts.entries()) {
      for (let t = 0; t < prompt.length; t++) tokens[row * width + t] = BigInt(prompt[t] ?? 0)
    }
    const before = counts.map(() => 0)
    return this.run({ firstRow, rows: prompts.length, width, tokens, counts, before, temperatures })
  }

  /** One row at a time: attention takes several new tokens on top of a cache only for a batch of one. */
  extend(row: number, length: number, rest: Int32Array, temperature: number): Promise<Distributions> {
    return this.run({
      firstRow: row,
      rows: 1,
      width: rest.length,
      tokens: BigInt64Array.from(rest, (token) => BigInt(token)),
      counts: [rest.length],
      before: [length],
      temperatures: [temperature],
    })
  }

  decode(
    tokens: readonly number[],
    lengths: readonly number[],
    temperatures: readonly number[],
  ): Promise<Distributions> {
    if (this.options.batchInvariant === true) return this.decodeEach(tokens, lengths, temperatures)
    const counts = tokens.map(() => 1)
    const ids = BigInt64Array.from(tokens, (token) => BigInt(token))
    return this.run({ firstRow: 0, rows: tokens.length, width: 1, tokens: ids, counts, before: lengths, temperatures })
  }

  /** A product with one row is rounded the same whoever else is in the batch; one with more rows is not. */
  private async decodeEach(
    tokens: readonly number[],
    lengths: readonly number[],
    temperatures: readonly number[],
  ): Promise<Distributions> {
    for (const [row, token] of tokens.entries()) {
      const one = { rows: 1, width: 1, tokens: BigInt64Array.of(BigInt(token)), counts: [1] }
      const before = [lengths[row] ?? 0]
      await this.run({ ...one, firstRow: row, before, temperatures: [temperatures[row] ?? 1] }, row)
    }
    const end = tokens.length * this.vocabSize
    const { logprobs, probabilities } = this.outputs
    return { logprobs: logprobs.subarray(0, end), probabilities: probabilities.subarray(0, end) }
  }

  copyRow(from: number, to: number, length: number): void {
    this.requireCache().copyRow(from, to, length)
  }

  snapshotRow(row: number, length: number): RowSnapshot {
    return this.requireCache().snapshotRow(row, length)
  }

  restoreRow(snapshot: RowSnapshot, row: number, length?: number): void {
    this.requireCache().restoreRow(snapshot, row, length)
  }

  async release(): Promise<void> {
    this.dropCache()
    await this.executable.release()
  }

  private requireCache(): KvCache {
    if (this.cache === undefined) throw new Error('CachedModel: reserve() comes first')
    return this.cache
  }

  /** `at`: the row of the output buffers that the first distribution goes to. */
  private async run(pass: Pass, at = 0): Promise<Distributions> {
    const { rows } = pass
    const feeds: Record<string, Feed> = { ...this.weights, ...this.inputsOf(pass) }
    const shape = [rows, this.vocabSize]
    const [start, end] = [at * this.vocabSize, (at + rows) * this.vocabSize]
    const logprobs = this.outputs.logprobs.subarray(start, end)
    const probabilities = this.outputs.probabilities.subarray(start, end)
    const outputs: Record<string, Feed> = {
      [INFERENCE_OUTPUTS.logprobs]: { data: logprobs, shape },
      [INFERENCE_OUTPUTS.probabilities]: { data: probabilities, shape },
    }
    this.addCaches(pass, feeds, outputs)
    await this.executable.run(feeds, outputs)
    return { logprobs, probabilities }
  }

  private inputsOf({ rows, width, tokens, counts, before, temperatures }: Pass): Record<string, Feed> {
    const after = counts.map((count, row) => count + (before[row] ?? 0))
    const ropeShape = [this.requireCache().capacity, this.config.headDim / 2]
    const last = BigInt64Array.from(counts, (count, row) => BigInt(row * width + count - 1))
    const inverse = Float32Array.from(temperatures, (temperature) => (temperature > 0 ? 1 / temperature : 1))
    return {
      [INFERENCE_INPUTS.tokens]: { data: tokens, shape: [rows, width] },
      [INFERENCE_INPUTS.rows]: BigInt64Array.of(BigInt(rows), BigInt(width), -1n),
      [INFERENCE_INPUTS.last]: { data: last, shape: [rows] },
      [INFERENCE_INPUTS.lengths]: { data: Int32Array.from(after, (length) => length - 1), shape: [rows] },
      [INFERENCE_INPUTS.total]: Int32Array.of(Math.max(...after)),
      [INFERENCE_INPUTS.inverseTemperature]: { data: inverse, shape: [rows, 1] },
      [INFERENCE_INPUTS.ropeCos]: { data: this.rope.cos, shape: ropeShape },
      [INFERENCE_INPUTS.ropeSin]: { data: this.rope.sin, shape: ropeShape },
    }
  }

  private addCaches({ firstRow, rows }: Pass, feeds: Record<string, Feed>, outputs: Record<string, Feed>): void {
    const cache = this.requireCache()
    const shape = [rows, this.config.kvHeads, cache.capacity, this.config.headDim]
    for (let layer = 0; layer < this.config.layers; layer++) {
      const names = cacheNames(layer)
      const keys = { data: cache.rowsOf(2 * layer, firstRow, rows), shape }
      const values = { data: cache.rowsOf(2 * layer + 1, firstRow, rows), shape }
      feeds[names.pastKey] = keys
      feeds[names.pastValue] = values
      outputs[names.presentKey] = keys
      outputs[names.presentValue] = values
    }
  }
}

async function compile(
  config: ModelConfig,
  parameters: ParameterStore,
  options: CachedModelOptions,
): Promise<Executable> {
  const as = heldAs(parameters, options)
  const largest = as === 'int8' ? { largest: await largestInt8Weight() } : {}
  const graph = inferenceGraph(config, as === undefined ? undefined : { parameters, as, ...largest })
  const { threads } = options
  return Executable.create(graph.build(), { optimization: 'all', ...(threads === undefined ? {} : { threads }) })
}

function heldAs(parameters: ParameterStore, options: CachedModelOptions): HeldWeights['as'] | undefined {
  const { int8 = false, packed = parameters.parameterCount < MOST_PACKED } = options
  if (int8) return 'int8'
  return packed ? 'float32' : undefined
}
