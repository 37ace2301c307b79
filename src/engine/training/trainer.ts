/**
 * Trains a decoder: log-probabilities, gradients of weighted log-likelihoods, AdamW steps. Knows no objective: what
 * the weights per token mean is the caller's business. Calls must not overlap.
 */
import { NumericalError } from '../../core/errors.ts'
import type { ModelConfig } from '../models/config.ts'
import type { LoraOptions } from '../models/lora.ts'
import { initLora } from '../models/lora.ts'
import { HEAD } from '../models/parameters.ts'
import type { ParameterSpec, ParameterStore } from '../models/parameters.ts'
import type { AdamWSettings, Range } from '../optimizer/adamw.ts'
import { AdamW, clipCoefficient } from '../optimizer/adamw.ts'
import { FlatArithmetic } from '../optimizer/flat.ts'
import { Muon } from '../optimizer/muon.ts'
import type { MatrixRange, MuonSettings } from '../optimizer/muon.ts'
import type { ExecutableOptions } from '../runtime/executable.ts'
import { mergeAdapters } from './merge.ts'
import { Passes } from './passes.ts'
import type { PassOptions } from './passes.ts'

export interface TrainerOptions extends PassOptions {
  readonly threads?: number
  /** Train low-rank adapters and leave the parameters alone. Default false: train the parameters. */
  readonly lora?: false | LoraOptions
  /** As in `ExecutableOptions`: false takes the plain way, which a binding that fails the self-test gets. */
  readonly zeroCopy?: boolean
}

type Tokens = ArrayLike<number>

/** AdamW for all parameters, or for all but the hidden matrices, which Muon updates. */
export interface OptimizerSettings extends AdamWSettings {
  readonly muon?: MuonSettings
}

export interface LogprobOptions {
  /** The gradient of the same sequences is asked for next: what was computed is kept for it, as far as memory is set aside. */
  readonly keep?: boolean
}

/** What AdamW remembers, flat, in the layout of `Trainer.trainable`. */
export interface OptimizerState {
  /** Updates made. */
  readonly step: number
  readonly m: Float32Array
  readonly v: Float32Array
}

export class Trainer {
  /** What is trained: the parameters themselves (updated in place), or the adapters. */
  readonly trainable: ParameterStore
  private readonly parameters: ParameterStore
  private readonly lora: LoraOptions | undefined
  private readonly passes: Passes
  private readonly adamw: AdamW
  private readonly arithmetic: FlatArithmetic
  private mixed: { muon: Muon; adamw: AdamW } | undefined
  private readonly execution: ExecutableOptions
  private gradients: ParameterStore | undefined
  private moments: { m: Float32Array; v: Float32Array } | undefined
  private updates = 0

  /** `parameters` are trained in place (without adapters), so who samples from them sees every step at once. */
  constructor(config: ModelConfig, parameters: ParameterStore, options: TrainerOptions = {}) {
    this.parameters = parameters
    this.lora = options.lora === false ? undefined : options.lora
    const adapters = this.lora === undefined ? undefined : initLora(config, this.lora)
    this.trainable = adapters ?? parameters
    const stores = adapters === undefined ? [parameters] : [parameters, adapters]
    this.execution = {
      arena: false,
      // What ONNX Runtime rewrites makes these graphs no faster, and takes a third of the time that compiling them takes.
      optimization: 'disabled',
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      ...(options.zeroCopy === undefined ? {} : { zeroCopy: options.zeroCopy }),
    }
    this.passes = new Passes(config, { stores, trainable: this.trainable, lora: this.lora }, options, this.execution)
    this.adamw = new AdamW([{ start: 0, end: this.trainable.length }], this.execution)
    this.arithmetic = new FlatArithmetic(this.execution)
  }

  /**
   * Log-probabilities (nats) of tokens 2 … n of each sequence, given those before them.
   * Throws InputError for a token outside the vocabulary, ModelError for a sequence longer than the context.
   */
  async logprobs(sequences: readonly Tokens[], { keep = false }: LogprobOptions = {}): Promise<Float32Array[]> {
    return this.passes.run(sequences, { keep })
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
    return this.passes.run(sequences, { backward: { weights, gradient: (name) => this.gradient(name) } })
  }

  /**
   * One update from the accumulated gradient, which is then cleared. Norms and biases do not decay.
   * Returns the gradient's global norm before clipping. Throws NumericalError when that is not finite; the weights and
   * the optimizer's state are then as before, and the gradient is cleared.
   */
  async step(settings: OptimizerSettings): Promise<{ gradNorm: number }> {
    this.passes.forget()
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

  /** To be called when the parameters are written to from outside. */
  weightsChanged(): void {
    this.passes.forget()
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
  async replaceGradient(parts: readonly Float32Array[]): Promise<void> {
    await this.arithmetic.sum(this.gradientStore().flat, parts)
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
    await Promise.all([this.passes.release(), this.adamw.release(), this.arithmetic.release()])
    await Promise.all([this.mixed?.muon.release(), this.mixed?.adamw.release()])
    this.mixed = undefined
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

function isHiddenMatrix({ name, kind }: ParameterSpec): boolean {
  return kind === 'matrix' && name !== HEAD
}
