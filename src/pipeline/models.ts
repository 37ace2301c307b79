/** Which model plays which role. Knows the configuration; opens nothing before it is needed. */
import { resolve } from 'node:path'
import { ConfigError } from '../core/errors.ts'
import { checkModelFolder, type EngineOptions } from '../engine/index.ts'
import { createLanguageModel, type LanguageModelDeps } from '../llm/index.ts'
import type { Config, LanguageModel, ModelEndpoint, Price } from '../records/index.ts'
import type { Budget, RoleModels } from '../synthesis/index.ts'
import { FolderModel } from './folder-model.ts'

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

  /** @throws {ConfigError} for a configuration that no training could follow */
  constructor(config: Config, deps: LanguageModelDeps) {
    if (config.model.backend === 'openai' && config.rounds > 1) {
      throw new ConfigError(
        'rounds: a model behind a server cannot take the new weights by itself; ' +
          'set rounds to 1, or use model.backend: embedded',
      )
    }
    requirePrices(config)
    if (config.training.backend === 'tinker') {
      throw new ConfigError(
        'training.backend: a run cannot yet play on with the weights of a Tinker server; take embedded, ' +
          'or train pairs there with pop train PAIRS.jsonl --config FILE',
      )
    }
    if ('kl' in config.training.objective) {
      throw new ConfigError(
        `training.objective: ${config.training.objective.type} learns from groups of fresh answers, which this version does not ` +
          'sample yet; take dpo, simpo, orpo, kto or sft',
      )
    }
    this.config = config
    this.deps = { pools: new Map(), ...deps }
  }

  /** What the run may spend, with the prices of its models. */
  get budget(): Budget {
    const { tokens, money } = this.config.budget
    return { tokens, money, prices: pricesOf(this.config) }
  }

  /** The folder whose weights are trained first; null when only a server has them. */
  get initialDir(): string | null {
    const { model, training } = this.config
    return model.backend === 'embedded' ? model.path : (training.path ?? null)
  }

  /** Who plays before the first round. */
  get initialPolicy(): LanguageModel {
    return this.open(this.config.model)
  }

  /** The weights that are trained first, as a model; undefined when only a server has them. */
  get initialFolder(): FolderModel | undefined {
    const { initialDir } = this
    return initialDir === null ? undefined : this.folder(initialDir, undefined, this.initialAdapter)
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
    if (initialDir === null) return
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

  /** The policy plays every role that the configuration gives to nobody else. */
  roles(policy: LanguageModel): RoleModels {
    const of = (endpoint: ModelEndpoint | undefined): LanguageModel =>
      endpoint === undefined ? policy : this.open(endpoint)
    const { proposer, solver, rubric, scorer } = this.config.roles
    return { proposer: of(proposer), solver: of(solver), rubric: of(rubric), scorer: of(scorer) }
  }

  /** Puts every engine away. */
  async release(): Promise<void> {
    await Promise.all([...this.folders.values()].map((model) => model.release()))
  }

  engineOptions(): EngineOptions {
    const { model } = this.config
    if (model.backend !== 'embedded') return {}
    return {
      ...(model.threads === undefined ? {} : { threads: model.threads }),
      ...(model.maxSlots === undefined ? {} : { maxSlots: model.maxSlots }),
    }
  }

  /** Any other model: a judge. */
  open(endpoint: ModelEndpoint): LanguageModel {
    if (endpoint.backend === 'embedded') return this.folder(endpoint.path, undefined, endpoint.adapter)
    const key = `${endpoint.baseUrl}#${endpoint.name}`
    const known = this.remotes.get(key)
    if (known !== undefined) return known
    const model = createLanguageModel(endpoint, this.deps)
    this.remotes.set(key, model)
    return model
  }
}

function endpointsOf({ model, roles }: Config): ModelEndpoint[] {
  return [model, ...Object.values(roles).filter((endpoint) => endpoint !== undefined)]
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
