/** The configuration as the verbs use it: read, checked, defaults filled in, paths resolved against the file's folder. */
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import {
  configSchema,
  trainConfigSchema,
  type Config,
  type ModelEndpoint,
  type PairingConfig,
  type TrainConfig,
} from '../records/index.ts'
import { loadConfigFile } from './config-file.ts'

/** Reads `pop.yaml`. Throws ConfigError. */
export async function loadConfig(path: string): Promise<Config> {
  const config = await loadConfigFile(configSchema, path)
  const folder = dirname(path)
  return { ...resolveCommon(config, folder), corpus: resolveCorpus(config.corpus, folder) }
}

/** Reads what `pop train` needs. Throws ConfigError. */
export async function loadTrainConfig(path: string): Promise<TrainConfig> {
  const config = await loadConfigFile(trainConfigSchema, path)
  const folder = dirname(path)
  const corpus = config.corpus === undefined ? {} : { corpus: resolveCorpus(config.corpus, folder) }
  return { ...resolveCommon(config, folder), ...corpus }
}

/** For `pop pair`: everything but pairing and seed may be missing. */
const pairFileSchema = z.strictObject({
  ...configSchema.shape,
  corpus: configSchema.shape.corpus.optional(),
  model: configSchema.shape.model.optional(),
})

/** The pairing settings and the seed of a configuration (YAML, or a run's `config.json`); the defaults without one. */
export async function loadPairingConfig(path: string | undefined): Promise<{ pairing: PairingConfig; seed: number }> {
  const { pairing, seed } = path === undefined ? pairFileSchema.parse({}) : await loadConfigFile(pairFileSchema, path)
  return { pairing, seed }
}

function resolveCommon<C extends Omit<Config, 'corpus'>>(config: C, folder: string): C {
  const roles = Object.fromEntries(
    Object.entries(config.roles).map(([role, model]) => [role, model && resolveModel(model, folder)]),
  )
  const { path } = config.training
  return {
    ...config,
    task: isTaskPath(config.task) ? resolve(folder, config.task) : config.task,
    model: resolveModel(config.model, folder),
    roles,
    ...(config.reuse && { reuse: { ...config.reuse, from: resolve(folder, config.reuse.from) } }),
    evaluation: resolveEvaluation(config.evaluation, folder),
    health: {
      ...config.health,
      evaluationSets: config.health.evaluationSets.map((set) => resolveCorpus(set, folder)),
    },
    training: { ...config.training, ...(path !== undefined && { path: resolvePath(path, folder) }) },
  }
}

/** A task is named, or is a file: `./my-task.yaml`. */
export function isTaskPath(task: string): boolean {
  return /^\.|[/\\]|\.ya?ml$/.test(task)
}

function resolveEvaluation(evaluation: Config['evaluation'], folder: string): Config['evaluation'] {
  const data = Object.entries(evaluation.data).map(([name, path]): [string, string] => [
    name,
    resolvePath(path, folder),
  ])
  const { judge } = evaluation
  return {
    ...evaluation,
    data: Object.fromEntries(data),
    ...(judge === undefined ? {} : { judge: resolveModel(judge, folder) }),
  }
}

function resolveModel(model: ModelEndpoint, folder: string): ModelEndpoint {
  return model.backend === 'openai' ? model : { ...model, path: resolvePath(model.path, folder) }
}

/** What has a scheme (`hf://…`) is no path of this machine. */
function resolvePath(path: string, folder: string): string {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(path) ? path : resolve(folder, path)
}

/** The source `none` is no path. */
function resolveCorpus<S extends { source: string }>(corpus: S, folder: string): S {
  return corpus.source === 'none' ? corpus : { ...corpus, source: resolvePath(corpus.source, folder) }
}
