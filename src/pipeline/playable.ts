/** What a configuration may not ask for, found before anything is opened or paid for. Pure. */
import { ConfigError } from '../core/errors.ts'
import { isFileSuite, suiteCatalogue } from '../evaluation/index.ts'
import type { Config, ModelEndpoint, Price } from '../records/index.ts'
import { checkTinkerTraining, checkTrlTraining, isGroupObjective } from '../training/index.ts'

/** @throws {ConfigError} for a configuration that no run could carry out, or only with wrong results */
export function requirePlayable(config: Config): void {
  requireWay(config)
  requirePrices(config)
  requireOnePlace(config)
  requireJudge(config)
  requireOwnAnswers(config)
  const { model, training } = config
  if (training.backend === 'trl') checkTrlTraining(training, model.backend === 'embedded' ? model.adapter : undefined)
}

/** @throws {ConfigError} when the answers whose sampled ids are trained on would be another model's */
function requireOwnAnswers({ roles, reuse, training: { objective } }: Config): void {
  if (!isGroupObjective(objective)) return
  const needs = `${objective.type} learns from the answers of the weights that are trained`
  if (roles.solver !== undefined) {
    throw new ConfigError(`roles.solver: ${needs}; leave the role out, or train on pairs`)
  }
  if (reuse?.stages.includes('solve') === true) {
    throw new ConfigError(
      `reuse.stages: ${needs}, and those of an earlier run are not; leave solve out, or train on pairs`,
    )
  }
}

/** A training on a Tinker server plays there too, and says so once. */
export function atOnePlace(config: Config): Config {
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

export function pricesOf(config: Config): Map<string, Price> {
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

/** @throws {ConfigError} when somebody who has to stay the same would be answered by the weights of the newest round */
function requireJudge(config: Config): void {
  for (const [role, endpoint] of Object.entries(config.roles)) {
    if (endpoint !== undefined) requireUntouched(config, endpoint, `roles.${role}`)
  }
  requireUntouchedJudges(config, config.evaluation)
}

/** Who is to judge what, and under which key or option each of them is named. */
interface Judging {
  readonly suites: readonly string[]
  /** Absent: the model of the configuration. */
  readonly judge?: ModelEndpoint | undefined
  readonly secondJudge?: ModelEndpoint | undefined
  readonly names?: { readonly judge: string; readonly secondJudge: string }
}

/** @throws {ConfigError} when the trained weights of `config` would answer in the place of a judge whom a suite needs */
export function requireUntouchedJudges(config: Config, { suites, judge, secondJudge, names }: Judging): void {
  const hasHeldOut = suites.includes('heldout')
  if (hasHeldOut || suites.some((name) => isFileSuite(name) && suiteCatalogue[name].needsJudge)) {
    requireUntouched(config, judge ?? config.model, names?.judge ?? 'evaluation.judge')
  }
  if (!hasHeldOut || secondJudge === undefined) return
  requireUntouched(config, secondJudge, names?.secondJudge ?? 'evaluation.secondJudge')
}

/** @throws {ConfigError} where `endpoint` is the very model whose weights `model.update.command` replaces */
function requireUntouched({ model, training }: Config, endpoint: ModelEndpoint, key: string): void {
  if (model.backend !== 'openai' || endpoint.backend !== 'openai' || endpoint.name !== model.name) return
  if (model.update === undefined || !('command' in model.update) || training.path === undefined) return
  const places = placesOf(model)
  if (!placesOf(endpoint).some((place) => places.includes(place))) return
  throw new ConfigError(
    `${key}: model.update.command puts the trained weights in the place of ${endpoint.name} at ${endpoint.baseUrl}, and they would judge themselves; ` +
      'name a model at another address or of another name, or use model.update.lora, which leaves the first weights where they are',
  )
}

/** Where a model answers, each address in one spelling. */
function placesOf({ baseUrl, replicas = [] }: Extract<ModelEndpoint, { backend: 'openai' }>): string[] {
  return [baseUrl, ...replicas].map((address) => new URL(address).href.replace(/\/+$/, ''))
}
