import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ModelError } from '../../core/errors.ts'
import { writeFolderAtomically } from './atomic.ts'
import { readModelFiles, saveModelFolder } from './model-folder.ts'

const golden = join(import.meta.dirname, '../../../test/goldens/tiny-models/qwen3')

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pop-folder-'))
})
afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

describe('readModelFiles', () => {
  test('reads a folder that transformers saved', () => {
    const files = readModelFiles(golden)
    expect(files.config['model_type']).toBe('qwen3')
    expect(files.tokenizerConfig['eos_token']).toBe('<|im_end|>')
    expect(files.generationConfig?.['eos_token_id']).toBe(2)
    expect(files.chatTemplate).toContain('im_start')
  })

  test.each(['config.json', 'tokenizer.json'])('names %s when it is missing', (name) => {
    cpSync(golden, dir, { recursive: true })
    rmSync(join(dir, name))
    expect(() => readModelFiles(dir)).toThrow(ModelError)
    expect(() => readModelFiles(dir)).toThrow(`has no ${name}`)
  })

  test('names the file that is not JSON or not an object', () => {
    cpSync(golden, dir, { recursive: true })
    writeFileSync(join(dir, 'generation_config.json'), '{"a": ')
    expect(() => readModelFiles(dir)).toThrow(/generation_config\.json is not JSON/)
    writeFileSync(join(dir, 'generation_config.json'), '[]')
    expect(() => readModelFiles(dir)).toThrow(/generation_config\.json must hold a JSON object/)
    expect(() => readModelFiles(join(dir, 'nowhere'))).toThrow(/does not exist/)
  })

  test('finds the template of older folders inside tokenizer_config.json, as text or as a named list', () => {
    cpSync(golden, dir, { recursive: true })
    rmSync(join(dir, 'chat_template.jinja'))
    const path = join(dir, 'tokenizer_config.json')
    writeFileSync(path, JSON.stringify({ chat_template: 'plain' }))
    expect(readModelFiles(dir).chatTemplate).toBe('plain')
    const list = [
      { name: 'tool_use', template: 'tools' },
      { name: 'default', template: 'listed' },
    ]
    writeFileSync(path, JSON.stringify({ chat_template: list }))
    expect(readModelFiles(dir).chatTemplate).toBe('listed')
    writeFileSync(path, '{}')
    expect(readModelFiles(dir).chatTemplate).toBeUndefined()
  })
})

describe('saveModelFolder', () => {
  const tensors = [{ name: 'w', shape: [2], data: Float32Array.of(1, 2) }]

  test('carries files over byte for byte and changes only the dtype of the configuration', () => {
    const source = join(dir, 'source')
    cpSync(golden, source, { recursive: true })
    writeFileSync(join(source, 'merges.txt'), 'a b\n')
    const config = { ...readModelFiles(golden).config, unknown_key: { deep: [1, null] } }
    writeFileSync(join(source, 'config.json'), JSON.stringify(config))
    const target = join(dir, 'target')
    saveModelFolder(target, readModelFiles(source), tensors, 'BF16')
    for (const name of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json', 'merges.txt']) {
      expect(readFileSync(join(target, name))).toEqual(readFileSync(join(source, name)))
    }
    expect(readModelFiles(target).config).toEqual({ ...config, dtype: 'bfloat16' })
  })

  test('replaces an older folder whole', () => {
    const target = join(dir, 'target')
    const files = readModelFiles(golden)
    saveModelFolder(target, files, tensors)
    writeFileSync(join(target, 'stale.txt'), 'old')
    saveModelFolder(target, files, tensors)
    expect(existsSync(join(target, 'stale.txt'))).toBe(false)
    expect(readdirSync(dir)).toEqual(['target'])
  })

  test('a failure while writing leaves the older folder as it was and nothing beside it', () => {
    const target = join(dir, 'target')
    saveModelFolder(target, readModelFiles(golden), tensors)
    const before = readFileSync(join(target, 'config.json'))
    const failing = (): void => {
      writeFolderAtomically(target, (temporary) => {
        writeFileSync(join(temporary, 'config.json'), 'half')
        throw new Error('disk full')
      })
    }
    expect(failing).toThrow('disk full')
    expect(readFileSync(join(target, 'config.json'))).toEqual(before)
    expect(readdirSync(dir)).toEqual(['target'])
  })
})
