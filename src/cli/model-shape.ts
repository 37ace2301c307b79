/** How large the model to be trained is, as far as that shows without its weights. */
import { countParameters, parseModelConfig, readModelFiles, type ModelConfig } from '../engine/index.ts'
import { isHubAddress } from '../hub/index.ts'
import { parametersByName, type ModelShape } from '../pipeline/index.ts'
import type { Config } from '../records/index.ts'

/** The configuration of a model that lies in a folder here; null for others. @throws {ModelError} when it cannot be read */
export function configOfTrained({ model, training }: Config): ModelConfig | null {
  const dir = training.path ?? (model.backend === 'openai' ? undefined : model.path)
  return dir === undefined || isHubAddress(dir) ? null : parseModelConfig(readModelFiles(dir).config)
}

/** Null where neither a folder nor the model's name tells. @throws {ModelError} when the folder cannot be read */
export function shapeOfTrained(config: Config): ModelShape | null {
  const { model, training } = config
  const known = configOfTrained(config)
  if (known !== null) return shapeOf(known)
  const name = training.path ?? (model.backend === 'openai' ? model.name : model.path)
  const parameters = parametersByName(name)
  return parameters === null ? null : { parameters }
}

function shapeOf(config: ModelConfig): ModelShape {
  const dimensions = { hidden: config.hiddenSize, layers: config.layers, vocabulary: config.vocabSize }
  return { parameters: countParameters(config), dimensions }
}
