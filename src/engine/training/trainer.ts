/**
 * Trains a decoder: log-probabilities, gradients of weighted log-likelihoods, AdamW steps. Knows no objective: what
 * the weights per token mean is the caller's business. Calls must not overlap.
 */
import { InputError, ModelError, NumericalError } from '../../core/errors.ts'
import type { ModelConfig } from '../models/config.ts'
import { gradientInput, gradientOutput, IDS, LOGPROBS, PADDING, SEEDS, TARGETS } from '../models/decoder.ts'
import type { LoraOptions } from '../models/lora.ts'
import { initLora } from '../models/lora.ts'
import { HEAD } from '../models/parameters.ts'
import type { ParameterSpec, ParameterStore } from '../models/parameters.ts'
import type { AdamWSettings, Range } from '../optimizer/adamw.ts'
import { AdamW, clipCoefficient } from '../optimizer/adamw.ts'
import { Muon } from '../optimizer/muon.ts'
import type { MatrixRange, MuonSettings } from '../optimizer/muon.ts'
import type { Device, ExecutableOptions } from '../runtime/executable.ts'
import { planMicroBatches, rowPositions } from './batching.ts'
import { fill, segmentsOf } from './fill.ts'
import { MICRO_BATCH_TOKENS, recomputes } from './memory.ts'
import type { Recompute } from './memory.ts'
import { mergeAdapters } from './merge.ts'
import type { PrefixGroup } from './prefix-groups.ts'
import { prefixGroups } from './prefix-groups.ts'
import type { CompiledDecoder, ProgramShape } from './programs.ts'
import { ProgramCache } from './programs.ts'

export interface TrainerOptions {
  readonly threads?: number
  /** Where log-probabilities and gradients are computed; updates are made on the processor. Default `cpu`. */
  readonly device?: Device
  /** Positions per forward and backward pass, padding included. Default 1024. */
  readonly maxTokensPerMicroBatch?: number
  /** Train low-rank adapters and leave the parameters alone. Default false: train the parameters. */
  readonly lora?: false | LoraOptions
  /**
   * Compute the layers a second time for the gradient instead of keeping what they computed: a third more work, a
   * fraction of the memory. Default `auto`: where keeping it would take more than 4 GiB.
   */
  readonly recompute?: Recompute
  /**
   * Compute the common beginning of sequences that follow each other (the answers to one prompt) once. Default false.
   * Results then differ from those of the sequences alone by rounding.
   */
  readonly sharePrefixes?: boolean
  /** As in `ExecutableOptions`: false takes the plain way, which a binding that fails the self-test gets. */
  readonly zeroCopy?: boolean
  /** Elements of logits that exist at a time; more are taken in blocks of positions. Default 2²⁵ (128 MiB). */
  readonly maxLogits?: number
}

/** AdamW for all parameters, or for all but the hidden matrices, which Muon updates. */
export interface OptimizerSettings extends AdamWSettings {
  readonly muon?: MuonSettings
}

/** What AdamW remembers, flat, in the layout of `Trainer.trainable`. */
export interface OptimizerState {
  /** Updates made. */
  readonly step: number
  readonly m: Float32Array
  readonly v: Float32Array
}

type Tokens = ArrayLike<number>

/** Compiled shapes that are kept. */
const PROGRAMS = 64

export class Trainer {
  /** What is trained: the parameters themselves (updated in place), or the adapters. */
  readonly trainable: ParameterStore
  private readonly config: ModelConfig
  private readonly parameters: ParameterStore
  private readonly lora: LoraOptions | undefined
  private readonly programs: ProgramCache
  private readonly adamw: AdamW
  private mixed: { muon: Muon; adamw: AdamW } | undefined
  private readonly execution: ExecutableOptions
  private readonly maxTokens: number
  private readonly sharePrefixes: boolean
  private readonly weights: Record<string, Float32Array>
  private gradients: ParameterStore | undefined
  private moments: { m: Float32Array; v: Float32Array } | undefined
  private updates = 0

  /** `parameters` are trained in place (without adapters), so who samples from them sees every step at once. */
  constructor(config: ModelConfig, parameters: ParameterStore, options: TrainerOptions = {}) {
    this.config = config
    this.parameters = parameters
    this.lora = options.lora === false ? undefined : options.lora
    const adapters = this.lora === undefined ? undefined : initLora(config, this.lora)
    this.trainable = adapters ?? parameters
    const stores = adapters === undefined ? [parameters] : [parameters, adapters]
    this.weights = Object.fromEntries(stores.flatMap((s) => s.specs.map(({ name }) => [name, s.get(name)])))
    this.execution = {
      arena: false,
      optimization: 'basic',
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      ...(options.zeroCopy === undefined ? {} : { zeroCopy: options.zeroCopy }),
    }
    this.maxTokens = options.maxTokensPerMicroBatch ?? MICRO_BATCH_TOKENS
    this.sharePrefixes = options.sharePrefixes ?? false
    this.programs = new ProgramCache({
      config,
      shapes: new Map(stores.flatMap((s) => s.specs.map(({ name, shape }) => [name, shape]))),
      trainable: this.trainable.specs.map(({ name }) => name),
      lora: this.lora && { scale: this.lora.alpha / this.lora.rank },
      recompute: recomputeRule(config, options),
      maxLogits: options.maxLogits,
      execution: { ...this.execution, device: options.device ?? 'cpu' },
      limit: PROGRAMS,
    })
    this.adamw = new AdamW([{ start: 0, end: this.trainable.flat.length }], this.execution)
  }

  /**
   * Log-probabilities (nats) of tokens 2 … n of each sequence, given those before them.
   * Throws InputError for a token outside the vocabulary, ModelError for a sequence longer than the context.
   */
  async logprobs(sequences: readonly Tokens[]): Promise<Float32Array[]> {
    return this.pass(sequences, undefined)
  }

  /**
   * Adds the gradient of −Σ weight · log-probability to what was accumulated since the last step.
   * `weights`: one per predicted token (n − 1 per sequence). Returns the log-probabilities of this forward pass.
   */
  async accumulate(sequences: readonly Tokens[], weights: readonly ArrayLike<number>[]): Promise<Float32Array[]> {
    sequences.forEach((tokens, index) => {
      const expected = Math.max(0, tokens.length - 1)
      if (weights[index]?.length !== expected) {
        throw new RangeError(`accumulate: sequence ${index} needs ${expected} weights, not ${weights[index]?.length}`)
      }
    })
    return this.pass(sequences, weights)
  }

  /**
   * One update from the accumulated gradient, which is then cleared. Norms and biases do not decay.
   * Returns the gradient's global norm before clipping. Throws NumericalError when that is not finite; the weights and
   * the optimizer's state are then as before, and the gradient is cleared.
   */
  async step(settings: OptimizerSettings): Promise<{ gradNorm: number }> {
    const gradients = this.gradientStore()
    const gradNorm = await this.adamw.gradientNorm(gradients.flat)
    if (!Number.isFinite(gradNorm)) {
      gradients.flat.fill(0)
      throw new NumericalError(
        `the gradient norm of update ${this.updates + 1} is ${gradNorm}; the weights were left as they are. ` +
          'Lower the learning rate or check the weights of the objective.',
      )
    }
    const buffers = { parameters: this.trainable.flat, gradients: gradients.flat, ...this.momentBuffers() }
    const clip = clipCoefficient(gradNorm, settings.maxGradNorm)
    this.updates++
    const { muon, adamw } = settings.muon === undefined ? { adamw: this.adamw } : this.mixedOptimizer()
    await adamw.update(buffers, settings, { step: this.updates, clip, decaying: this.decayingRanges() })
    if (settings.muon !== undefined) await muon?.update(buffers, settings.muon, clip)
    gradients.flat.fill(0)
    return { gradNorm }
  }

  /** The accumulated gradient of a trainable parameter: a live view, cleared by `step`. */
  gradient(name: string): Float32Array {
    return this.gradientStore().get(name)
  }

  /** Copies the accumulated gradient, in the layout of `trainable`. */
  exportGradient(target: Float32Array): void {
    target.set(this.gradientStore().flat)
  }

  /** The accumulated gradient becomes the sum of `parts`, added in their order. */
  replaceGradient(parts: readonly Float32Array[]): void {
    const { flat } = this.gradientStore()
    flat.fill(0)
    for (const part of parts) {
      for (let i = 0; i < flat.length; i++) flat[i] = (flat[i] ?? 0) + (part[i] ?? 0)
    }
  }

  /** Live buffers; copy them to keep them. */
  optimizerState(): OptimizerState {
    return { step: this.updates, ...this.momentBuffers() }
  }

  /** Takes over a copy of a saved state. Throws RangeError when its lengths do not fit. */
  restore(state: OptimizerState): void {
    const moments = this.momentBuffers()
    if (state.m.length !== moments.m.length || state.v.length !== moments.v.length) {
      throw new RangeError(`restore: moments of ${state.m.length} elements, the model has ${moments.m.length}`)
    }
    moments.m.set(state.m)
    moments.v.set(state.v)
    this.updates = state.step
  }

  /**
   * The model as it is now, in one store, to save or to sample from: the live parameters themselves when no adapters
   * are trained, else `into` (or a new copy) with the adapters added to the weights.
   */
  async merged(into?: ParameterStore): Promise<ParameterStore> {
    if (this.lora === undefined) return this.parameters
    return mergeAdapters(this.parameters, this.trainable, {
      scale: this.lora.alpha / this.lora.rank,
      target: into ?? this.parameters.like(),
      execution: this.execution,
    })
  }

  /** Frees compiled graphs and buffers; the parameters stay. */
  async release(): Promise<void> {
    this.gradients = undefined
    this.moments = undefined
    await Promise.all([this.programs.release(), this.adamw.release()])
    await Promise.all([this.mixed?.muon.release(), this.mixed?.adamw.release()])
    this.mixed = undefined
  }

  private async pass(
    sequences: readonly Tokens[],
    weights: readonly ArrayLike<number>[] | undefined,
  ): Promise<Float32Array[]> {
    sequences.forEach((tokens, index) => this.check(tokens, index))
    const results = sequences.map((tokens) => new Float32Array(Math.max(0, tokens.length - 1)))
    const groups = this.groupsOf(sequences)
    const sizes = groups.map(({ items, prefix }) => {
      const lengths = items.map((item) => (results[item]?.length ?? 0) - prefix)
      return { prefix, branches: items.length, length: Math.max(...lengths) }
    })
    for (const { items, ...size } of planMicroBatches(sizes, this.maxTokens)) {
      const rows = items.flatMap((item) => groups[item] ?? [])
      const batch = { ...size, rows: rows.flatMap((group, row) => segmentsOf(group, row, size, results)) }
      const compiled = await this.programs.get({ ...size, gradients: weights !== undefined })
      fill(compiled, rows, size, { segments: batch.rows, sequences, weights })
      await this.run(compiled)
      for (const { item, from, count, at } of batch.rows) {
        results[item]?.set(compiled.logprobs.subarray(at, at + count), from)
      }
    }
    return results
  }

  /** The sequences that have something to predict, those with a common beginning together. */
  private groupsOf(sequences: readonly Tokens[]): readonly PrefixGroup[] {
    const groups = this.sharePrefixes
      ? prefixGroups(sequences, this.maxTokens)
      : sequences.map((_, index) => ({ items: [index], prefix: 0 }))
    return groups.filter(({ items }) => items.length > 1 || (sequences[items[0] ?? 0]?.length ?? 0) > 1)
  }

  private async run(compiled: CompiledDecoder): Promise<void> {
    const { program, executable, ids, targets, seeds, logprobs, rows, padding } = compiled
    const feeds: Record<string, Float32Array | Int32Array> = { ...this.weights, [IDS]: ids, [TARGETS]: targets }
    if (padding !== undefined) feeds[PADDING] = padding
    const outputs: Record<string, Float32Array> = { [LOGPROBS]: logprobs, ...rows }
    if (program.denseGradients.length + program.rowGradients.length > 0) feeds[SEEDS] = seeds
    for (const name of program.denseGradients) {
      const gradient = this.gradient(name)
      feeds[gradientInput(name)] = gradient
      outputs[gradientOutput(name)] = gradient
    }
    await executable.run(feeds, outputs)
    for (const { output, parameter, indices, width } of program.rowGradients) {
      const rowGradients = { rows: rows[output] ?? new Float32Array(), width }
      if (indices === IDS) addRows(this.gradient(parameter), ids, rowGradients, this.config.padTokenId)
      else addRows(this.gradient(parameter), targets, rowGradients)
    }
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

  private mixedOptimizer(): { muon: Muon; adamw: AdamW } {
    const hidden = this.trainable.specs.filter(isHiddenMatrix)
    const matrices = hidden.map(({ name, shape: [rows = 0, columns = 0] }): MatrixRange => {
      return { start: this.trainable.offsetOf(name), rows, columns }
    })
    const others = this.trainable.specs.filter((spec) => !isHiddenMatrix(spec)).map(({ name }) => this.rangeOf(name))
    this.mixed ??= { muon: new Muon(matrices, this.execution), adamw: new AdamW(others, this.execution) }
    return this.mixed
  }

  private rangeOf(name: string): Range {
    const start = this.trainable.offsetOf(name)
    return { start, end: start + this.trainable.get(name).length }
  }

  private gradientStore(): ParameterStore {
    this.gradients ??= this.trainable.like()
    return this.gradients
  }

  private momentBuffers(): { m: Float32Array; v: Float32Array } {
    const { length } = this.trainable.flat
    this.moments ??= { m: new Float32Array(length), v: new Float32Array(length) }
    return this.moments
  }

  private decayingRanges(): Range[] {
    return this.trainable.specs
      .filter(({ kind }) => kind === 'matrix' || kind === 'embedding')
      .map(({ name }) => this.rangeOf(name))
  }
}

function recomputeRule(
  config: ModelConfig,
  { recompute = 'auto', lora }: TrainerOptions,
): (shape: ProgramShape) => boolean {
  const loraRank = lora === undefined || lora === false ? 0 : lora.rank
  return (shape) => recomputes(config, { rows: shape.rows, length: rowPositions(shape) }, { loraRank, recompute })
}

function isHiddenMatrix({ name, kind }: ParameterSpec): boolean {
  return kind === 'matrix' && name !== HEAD
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
