/** How large the model to be trained is, as far as that shows without its weights. */
import { countParameters, parseModelConfig, readModelFiles } from '../engine/index.ts'
import { isHubAddress } from '../hub/index.ts'
import { parametersByName, type ModelShape } from '../pipeline/index.ts'
import type { Config } from '../records/index.ts'

/** Null where neither a folder nor the model's name tells. @throws {ModelError} when the folder cannot be read */
export function shapeOfTrained({ model, training }: Config): ModelShape | null {
  const dir = training.path ?? (model.backend === 'openai' ? undefined : model.path)
  if (dir !== undefined && !isHubAddress(dir)) {
    const config = parseModelConfig(readModelFiles(dir).config)
    const dimensions = { hidden: config.hiddenSize, layers: config.layers, vocabulary: config.vocabSize }
    return { parameters: countParameters(config), dimensions }
  }
  const name = dir ?? (model.backend === 'openai' ? model.name : undefined)
  const parameters = name === undefined ? null : parametersByName(name)
  return parameters === null ? null : { parameters }
}
