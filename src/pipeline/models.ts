/** Which model plays which role. Knows the configuration; opens nothing before it is needed. */
import { resolve } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { ConfigError } from '../core/errors.ts'
import { checkModelFolder, Engine, type EngineOptions, type Tokenizer } from '../engine/index.ts'
import { createLanguageModel, EmbeddedLanguageModel, type LanguageModelDeps } from '../llm/index.ts'
import type { Config, LanguageModel, ModelEndpoint, Price, TinkerModelConfig } from '../records/index.ts'
import type { Budget, RoleModels } from '../synthesis/index.ts'
import {
  checkTinkerTraining,
  EmbeddedTrainableModel,
  isGroupObjective,
  openTinkerTraining,
  trainingEngineOptions,
  type Scorer,
  type TinkerPlace,
  type TrainableModel,
} from '../training/index.ts'
import { FolderModel } from './folder-model.ts'
import { ServedPolicy } from './served-policy.ts'
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
  private readonly folders = new Map<string, FolderModel>()
  private readonly remotes = new Map<string, LanguageModel>()
  private readonly onServer = new Map<string, TinkerPolicy>()
  private readonly served = new Map<string, ServedPolicy>()

  /** @throws {ConfigError} for a configuration that no training could follow */
  constructor(config: Config, deps: LanguageModelDeps) {
    requireWay(config)
    requirePrices(config)
    requireOnePlace(config)
    if (config.training.backend === 'trl' && isGroupObjective(config.training.objective)) {
      throw new ConfigError('training.objective: trl trains on pairs here; take dpo, kto or sft, or another backend')
    }
    this.config = atOnePlace(config)
    this.deps = { pools: new Map(), ...deps }
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
    return this.open(this.config.model)
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
    const key = `${resolve(dir)}#${label}`
    const known = this.served.get(key) ?? new ServedPolicy(model, dir, label, this.deps)
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
      const { env, fetch, clock = systemClock } = this.deps
      const at = { training, dir: this.initialDir ?? dir, env, clock, ...(fetch === undefined ? {} : { fetch }) }
      const from = dir === this.initialDir ? undefined : dir
      const { model, tokenizer } = await openTinkerTraining({ ...at, from, seed })
      return { model, tokenizer, close: () => model.close() }
    }
    const engine = await Engine.open(dir, {
      ...this.engineOptions(),
      ...(adapter === undefined ? {} : { adapter }),
      ...trainingEngineOptions(training, seed),
    })
    const model = new EmbeddedTrainableModel(engine, () => Promise.resolve(new EmbeddedLanguageModel(engine, name)))
    return { model, tokenizer: engine.tokenizer, engine, close: () => engine.close() }
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
    return { baseUrl, name, apiKeyEnv, dir: path, env, clock, ...(fetch === undefined ? {} : { fetch }) }
  }
}

/** Weights being trained, and what makes texts of their tokens. */
export interface OpenTraining {
  readonly model: TrainableModel
  readonly tokenizer: Tokenizer
  /** Where the weights are in the embedded engine. */
  readonly engine?: Engine
  close(): Promise<void>
}

/** Weights that play and are trained. */
export type Policy = LanguageModel & Scorer & { readonly name: string; release(): Promise<void> }

/** A training on a Tinker server plays there too, and says so once. */
function atOnePlace(config: Config): Config {
  const { model, training } = config
  if (training.backend !== 'tinker' || model.backend !== 'tinker') return config
  const { baseUrl, name, apiKeyEnv } = model
  const { apiKeyEnv: own = apiKeyEnv } = training
  return { ...config, training: { ...training, baseUrl, name, ...(own === undefined ? {} : { apiKeyEnv: own }) } }
}

/** @throws {ConfigError} when trained weights have no way to who plays the next round */
function requireWay({ model, training, rounds }: Config): void {
  if (model.backend !== 'openai') return
  if (isGroupObjective(training.objective)) {
    throw new ConfigError(
      `training.objective: ${training.objective.type} samples from the weights while they are trained: take model.backend embedded or tinker`,
    )
  }
  if (rounds === 1) return
  if (model.update === undefined) {
    throw new ConfigError(
      'rounds: a model behind a server cannot take the new weights by itself; ' +
        'set rounds to 1, tell in model.update how they reach it, or use model.backend: embedded',
    )
  }
  if ('lora' in model.update) {
    throw new ConfigError(
      'model.update.lora: the adapter of a later round belongs to the merged weights of the round before, which the server does not have; ' +
        'use model.update.command, or set rounds to 1',
    )
  }
}

/** @throws {ConfigError} when a run would play other weights than it trains */
function requireOnePlace(config: Config): void {
  const { model, training, rounds } = config
  if (training.backend === 'tinker') {
    if (model.backend !== 'tinker') {
      throw new ConfigError(
        'training.backend: a run that trains on a Tinker server plays there too: set model to { backend: tinker, baseUrl, name, path }',
      )
    }
    for (const key of ['baseUrl', 'name'] as const) {
      if (training[key] !== undefined && training[key] !== model[key]) {
        throw new ConfigError(
          `training.${key}: it differs from model.${key}; leave it out, a run plays where it trains`,
        )
      }
    }
    checkTinkerTraining(atOnePlace(config).training)
  } else if (model.backend === 'tinker' && rounds > 1) {
    throw new ConfigError('rounds: weights trained here do not reach the Tinker server; set training.backend to tinker')
  }
}

function endpointsOf({ model, roles, evaluation: { judge, secondJudge } }: Config): ModelEndpoint[] {
  return [model, ...Object.values(roles), judge, secondJudge].filter((endpoint) => endpoint !== undefined)
}

function pricesOf(config: Config): Map<string, Price> {
  return new Map(
    endpointsOf(config).flatMap((endpoint) =>
      endpoint.backend === 'openai' && endpoint.price !== undefined ? [[endpoint.name, endpoint.price] as const] : [],
    ),
  )
}

/** @throws {ConfigError} when money is to be kept to and a server's price is not known */
function requirePrices(config: Config): void {
  if (config.budget.money === undefined) return
  for (const endpoint of endpointsOf(config)) {
    if (endpoint.backend !== 'openai' || endpoint.price !== undefined) continue
    throw new ConfigError(
      `budget.money: ${endpoint.name} has no price; give it price: { input, output } of a million tokens (0 for a server of your own)`,
    )
  }
}
