/** Which model plays which role. Knows the configuration; opens nothing before it is needed. */
import { resolve } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { checkModelFolder, Engine, type EngineOptions, type Tokenizer } from '../engine/index.ts'
import { createLanguageModel, EmbeddedLanguageModel, type LanguageModelDeps } from '../llm/index.ts'
import type { Config, LanguageModel, ModelEndpoint, TinkerModelConfig } from '../records/index.ts'
import type { Budget, RoleModels } from '../synthesis/index.ts'
import {
  EmbeddedTrainableModel,
  openTinkerTraining,
  requireTrl,
  TrainedOnServer,
  trainingEngineOptions,
  type Scorer,
  type TinkerPlace,
  type TinkerTrainableModel,
  type TrainableModel,
  type TrainedOnServerOptions,
} from '../training/index.ts'
import { FolderModel } from './folder-model.ts'
import { atOnePlace, pricesOf, requirePlayable } from './playable.ts'
import { servedName, ServedPolicy, type ServerEndpoint, type ServerSlot } from './served-policy.ts'
import { TinkerPolicy } from './tinker-policy.ts'

/** Weights to train, what the records call them, and an adapter on top of them. */
export interface TrainingStart {
  readonly dir: string
  readonly name: string
  readonly adapter?: string
}

export class ModelHouse {
  private readonly config: Config
  private readonly deps: LanguageModelDeps
  private readonly signal: AbortSignal | undefined
  private readonly folders = new Map<string, FolderModel>()
  private readonly remotes = new Map<string, LanguageModel>()
  private readonly onServer = new Map<string, TinkerPolicy>()
  private readonly served = new Map<string, ServedPolicy>()
  private readonly slot: ServerSlot = {}

  /**
   * @param signal of the run: aborting ends waits for a Tinker server
   * @throws {ConfigError} for a configuration that no training could follow
   */
  constructor(config: Config, deps: LanguageModelDeps, signal?: AbortSignal) {
    requirePlayable(config)
    this.config = atOnePlace(config)
    this.deps = { pools: new Map(), ...deps }
    this.signal = signal
  }

  /** What the run may spend, with the prices of its models. */
  get budget(): Budget {
    const { tokens, money } = this.config.budget
    return { tokens, money, prices: pricesOf(this.config) }
  }

  /** Where keys and programs are looked up. */
  get env(): LanguageModelDeps['env'] {
    return this.deps.env
  }

  /** The training section; on a Tinker server, with the place that the model names. */
  get training(): Config['training'] {
    return this.config.training
  }

  /** The folder whose weights are trained first (on a Tinker server: whose tokenizer is used); null when only a server has them. */
  get initialDir(): string | null {
    const { model, training } = this.config
    return model.backend === 'openai' ? (training.path ?? null) : model.path
  }

  /** Who plays before the first round. */
  get initialPolicy(): LanguageModel {
    const { initialDir } = this
    const { model } = this.config
    const replaced = model.backend === 'openai' && model.update !== undefined && 'command' in model.update
    return replaced && initialDir !== null ? this.behind(model, initialDir, model.name) : this.open(model)
  }

  /** Where a training of `dir`, known as `name`, starts: an adapter belongs to the first weights alone. */
  startOf(dir: string, name: string): TrainingStart {
    const adapter = dir === this.initialDir ? this.initialAdapter : undefined
    return { dir, name, ...(adapter === undefined ? {} : { adapter }) }
  }

  private get initialAdapter(): string | undefined {
    const { model } = this.config
    return model.backend === 'embedded' ? model.adapter : undefined
  }

  /** @throws {ModelError} when the first weights, or the adapter on top of them, cannot be loaded or trained */
  checkInitial(): void {
    const { initialDir, initialAdapter } = this
    if (initialDir === null || this.config.training.backend === 'tinker') return
    const adapter = initialAdapter === undefined ? undefined : { dir: initialAdapter, lora: this.config.training.lora }
    checkModelFolder(initialDir, adapter)
  }

  /** @throws {ConfigError} when the program that is to train is not there */
  async checkTrainer(): Promise<void> {
    if (this.training.backend === 'trl' && this.initialDir !== null) await requireTrl(this.training, this.env)
  }

  /** Weights in a folder as a model: the same folder, label and adapter give the same object. */
  folder(dir: string, label?: string, adapter?: string): FolderModel {
    const key = `${resolve(dir)}#${label ?? ''}#${adapter ?? ''}`
    const known = this.folders.get(key)
    if (known !== undefined) return known
    const options = { ...this.engineOptions(), ...(adapter === undefined ? {} : { adapter }) }
    const model = new FolderModel(dir, options, label)
    this.folders.set(key, model)
    return model
  }

  /** What a round's training made, as who plays next. */
  checkpoint(dir: string, label: string): LanguageModel & Pick<Policy, 'release'> {
    const { model } = this.config
    if (model.backend !== 'openai' || model.update === undefined) return this.weights(dir, label)
    return this.behind(model, dir, servedName(dir, label))
  }

  /** Weights of a folder as they answer behind the server. */
  private behind(served: ServerEndpoint, dir: string, name: string): ServedPolicy {
    const key = `${resolve(dir)}#${name}`
    const known = this.served.get(key) ?? new ServedPolicy({ served, dir, name, deps: this.deps, slot: this.slot })
    this.served.set(key, known)
    return known
  }

  /** The weights of a checkpoint, to sample from and to score with. */
  private weights(dir: string, label: string): Policy {
    const { model } = this.config
    if (this.config.training.backend !== 'tinker' || model.backend !== 'tinker') return this.folder(dir, label)
    const key = `${resolve(dir)}#${label}`
    const known = this.onServer.get(key) ?? new TinkerPolicy(this.placeOf(model), dir, label)
    this.onServer.set(key, known)
    return known
  }

  /** The weights of a folder as they were, to measure drift against. */
  scorer(dir: string): Policy | undefined {
    return dir === this.initialDir ? this.initialScorer : this.weights(dir, 'reference')
  }

  /** The initial weights, to measure drift against; undefined where there are none here. */
  get initialScorer(): Policy | undefined {
    const { initialDir, config } = this
    if (config.training.backend === 'tinker' && config.model.backend === 'tinker') return this.tinker(config.model)
    return initialDir === null ? undefined : this.folder(initialDir, undefined, this.initialAdapter)
  }

  /**
   * Weights to train, on a copy of their own; the caller closes.
   * @param seed of fresh adapters
   */
  async openTraining(start: TrainingStart, seed: number): Promise<OpenTraining> {
    const { training } = this
    const { dir, name, adapter } = start
    if (training.backend === 'tinker') {
      const from = dir === this.initialDir ? undefined : dir
      const { model, tokenizer } = await openTinkerTraining({ ...this.trainsAt(dir), from, seed })
      return { model, tokenizer, onServer: model, close: () => model.close() }
    }
    const engine = await Engine.open(dir, {
      ...this.engineOptions(),
      ...(adapter === undefined ? {} : { adapter }),
      ...trainingEngineOptions(training, seed),
    })
    const model = new EmbeddedTrainableModel(engine, () => Promise.resolve(new EmbeddedLanguageModel(engine, name)))
    return { model, tokenizer: engine.tokenizer, engine, close: () => engine.close() }
  }

  /** Keeps a complete training where it was made until it is here; undefined where that is here. */
  trainedOnServer(start: TrainingStart, about: Omit<TrainedOnServerOptions, 'place'>): TrainedOnServer | undefined {
    if (this.training.backend !== 'tinker') return undefined
    return new TrainedOnServer({ ...about, place: this.trainsAt(start.dir) })
  }

  private trainsAt(dir: string): TrainedOnServerOptions['place'] {
    const { env, fetch, clock = systemClock } = this.deps
    const { training, signal } = this
    return { training, dir: this.initialDir ?? dir, env, clock, signal, ...(fetch === undefined ? {} : { fetch }) }
  }

  /** The policy plays every role that the configuration gives to nobody else. */
  roles(policy: LanguageModel): RoleModels {
    const of = (endpoint: ModelEndpoint | undefined): LanguageModel =>
      endpoint === undefined ? policy : this.open(endpoint)
    const { proposer, solver, rubric, scorer } = this.config.roles
    return { proposer: of(proposer), solver: of(solver), rubric: of(rubric), scorer: of(scorer) }
  }

  /** Puts every engine away. */
  async release(): Promise<void> {
    await Promise.all([...this.folders.values(), ...this.onServer.values()].map((model) => model.release()))
  }

  engineOptions(): EngineOptions {
    const { model } = this.config
    if (model.backend !== 'embedded') return {}
    return {
      ...(model.threads === undefined ? {} : { threads: model.threads }),
      ...(model.maxSlots === undefined ? {} : { maxSlots: model.maxSlots }),
      ...(model.sampling === undefined ? {} : { sampling: model.sampling }),
      ...(model.batchInvariant === undefined ? {} : { batchInvariant: model.batchInvariant }),
    }
  }

  /** Any other model: a judge. */
  open(endpoint: ModelEndpoint): LanguageModel {
    if (endpoint.backend === 'embedded') return this.folder(endpoint.path, undefined, endpoint.adapter)
    if (endpoint.backend === 'tinker') return this.tinker(endpoint)
    const key = `${endpoint.baseUrl}#${endpoint.name}`
    const known = this.remotes.get(key)
    if (known !== undefined) return known
    const model = createLanguageModel(endpoint, this.deps)
    this.remotes.set(key, model)
    return model
  }

  /** The base model of a Tinker server. */
  private tinker(endpoint: TinkerModelConfig): TinkerPolicy {
    const key = `${endpoint.baseUrl}#${endpoint.name}`
    const known = this.onServer.get(key) ?? new TinkerPolicy(this.placeOf(endpoint))
    this.onServer.set(key, known)
    return known
  }

  private placeOf({ baseUrl, name, apiKeyEnv, path }: TinkerModelConfig): TinkerPlace {
    const { env, fetch, clock = systemClock } = this.deps
    const { signal } = this
    return { baseUrl, name, apiKeyEnv, dir: path, env, clock, signal, ...(fetch === undefined ? {} : { fetch }) }
  }
}

/** Weights being trained, and what makes texts of their tokens. */
export interface OpenTraining {
  readonly model: TrainableModel
  readonly tokenizer: Tokenizer
  /** Where the weights are in the embedded engine. */
  readonly engine?: Engine
  /** Where a Tinker server has them. */
  readonly onServer?: TinkerTrainableModel
  close(): Promise<void>
}

/** Weights that play and are trained. */
export type Policy = LanguageModel & Scorer & { readonly name: string; release(): Promise<void> }
