/** A model with more tokens than it was trained with: its weights as they are, new rows behind those of the embedding. */
import { ModelError } from '../../core/errors.ts'
import { rng } from '../../core/rng.ts'
import type { Rng } from '../../core/rng.ts'
import { readModelFiles, saveModelFolder } from '../formats/model-folder.ts'
import { parseModelConfig } from '../models/config.ts'
import { parameterSpecs } from '../models/parameters.ts'
import { loadWeights } from './load-weights.ts'
import type { ModelFiles } from '../formats/model-folder.ts'

/**
 * Writes the model of folder `from` to folder `to` under the files of a larger vocabulary. Tokens keep their ids. New rows of
 * embedding (and head, where it is not tied) are drawn from `seed` with the mean and standard deviation, coordinate by coordinate,
 * of the rows of `like` (Hewitt 2021, "Initializing New Word Embeddings for Pretrained Language Models"): fresh weights
 * are far smaller than trained ones, and tokens that never occur lie where no token is ever said.
 * @param like ids of old tokens that texts really use
 * @param files of the new folder; its configuration may differ from the old one in `vocab_size` alone
 * @throws ModelError when a tensor would shrink or change otherwise, or a folder cannot be read or written
 */
export function growVocabulary(
  from: string,
  to: string,
  files: ModelFiles,
  { seed, like }: { readonly seed: number; readonly like: readonly number[] },
): void {
  const old = parseModelConfig(readModelFiles(from).config)
  const config = parseModelConfig(files.config)
  const store = loadWeights(from, old)
  const oldShapes = new Map(parameterSpecs(old).map(({ name, shape }) => [name, shape]))
  const tensors = parameterSpecs(config).map(({ name, shape }) => {
    const held = oldShapes.get(name) ?? []
    const known = store.get(name)
    if (shape.join() === held.join()) return { name, shape, data: known }
    if (!hasMoreRows(shape, held, [config.vocabSize, old.vocabSize])) {
      throw new ModelError(
        `${from}: tensor ${name} has shape [${held.join(', ')}] and cannot become [${shape.join(', ')}]`,
      )
    }
    return { name, shape, data: moreRows(known, shape, like, rng(seed, 'new tokens', name)) }
  })
  saveModelFolder(to, files, tensors)
}

/** Whether both are tables of one row per token, and only the number of tokens grew. */
function hasMoreRows(shape: readonly number[], held: readonly number[], [now, before]: [number, number]): boolean {
  return shape[0] === now && held[0] === before && now > before && shape.slice(1).join() === held.slice(1).join()
}

/** @param shape rows × columns of the result; `known` holds its first rows */
function moreRows(known: Float32Array, shape: readonly number[], like: readonly number[], random: Rng): Float32Array {
  const [rows = 0, columns = 0] = shape
  const data = new Float32Array(rows * columns)
  data.set(known)
  for (let column = 0; column < columns; column++) {
    const values = like.map((row) => known[row * columns + column] ?? 0)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
    for (let i = known.length + column; i < data.length; i += columns) data[i] = mean + deviation * random.normal()
  }
  return data
}
