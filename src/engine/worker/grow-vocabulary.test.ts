import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ModelError } from '../../core/errors.ts'
import { readModelFiles } from '../formats/model-folder.ts'
import { parseModelConfig } from '../models/config.ts'
import { EMBEDDING, HEAD, parameterSpecs } from '../models/parameters.ts'
import { growVocabulary } from './grow-vocabulary.ts'
import { loadWeights } from './load-weights.ts'
import type { ModelFiles } from '../formats/model-folder.ts'

const models = ['llama', 'qwen3'].map((name) => join(import.meta.dirname, '../../../test/goldens/tiny-models', name))
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pop-grow-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function withVocabulary(files: ModelFiles, size: number): ModelFiles {
  return { ...files, config: { ...files.config, vocab_size: size } }
}

describe.each(models)('a larger vocabulary for %s', (from) => {
  const files = readModelFiles(from)
  const old = parseModelConfig(files.config)
  const like = [3, 5, 8, 13, 21]

  it('keeps every weight, and draws the new rows around those of the tokens in use', () => {
    const to = join(folder, 'grown')
    growVocabulary(from, to, withVocabulary(files, old.vocabSize + 400), { seed: 7, like })
    const grown = parseModelConfig(readModelFiles(to).config)
    const [before, after] = [loadWeights(from, old), loadWeights(to, grown)]
    for (const { name } of parameterSpecs(old)) {
      const known = before.get(name)
      expect(after.get(name).subarray(0, known.length), name).toEqual(known)
    }
    const tables = parameterSpecs(grown).filter(({ name }) => name === EMBEDDING || name === HEAD)
    for (const { name, shape } of tables) {
      const columns = shape[1] ?? 0
      const rows = after.get(name).subarray(old.vocabSize * columns)
      const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
      for (let column = 0; column < columns; column += 5) {
        const used = like.map((row) => before.get(name)[row * columns + column] ?? 0)
        const drawn = Array.from({ length: 400 }, (_, row) => rows[row * columns + column] ?? 0)
        const spread = Math.sqrt(mean(used.map((value) => (value - mean(used)) ** 2)))
        expect(Math.abs(mean(drawn) - mean(used))).toBeLessThan(5 * (spread / 20))
      }
    }
  })
  it('is a function of the seed', () => {
    const make = (name: string, seed: number): Float32Array => {
      const files400 = withVocabulary(files, old.vocabSize + 4)
      growVocabulary(from, join(folder, name), files400, { seed, like })
      return loadWeights(join(folder, name), parseModelConfig(files400.config)).get(EMBEDDING)
    }
    expect(make('a', 1)).toEqual(make('b', 1))
    expect(make('c', 2)).not.toEqual(make('a', 1))
  })
  it('refuses fewer tokens, and any other shape', () => {
    const to = join(folder, 'refused')
    const shrunk = withVocabulary(files, old.vocabSize - 1)
    expect(() => growVocabulary(from, to, shrunk, { seed: 1, like })).toThrow(ModelError)
    const wider = { ...files, config: { ...files.config, intermediate_size: 999 } }
    expect(() => growVocabulary(from, to, wider, { seed: 1, like })).toThrow(/cannot become/)
  })
})
