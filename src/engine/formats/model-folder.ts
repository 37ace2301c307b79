/**
 * A model folder in the Hugging Face layout, without its weights: which files there are, read and validated as JSON,
 * and written back so that transformers, vLLM and llama.cpp's converter open the folder as it is. Files that were read
 * are carried over byte for byte. What the keys mean is the business of `models/` and `tokenizer/`.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ModelError, errorMessage } from '../../core/errors.ts'
import { isJsonObject, parseJson } from '../../core/json.ts'
import { recoverFolder, writeFolderAtomically } from './atomic.ts'
import { writeCheckpoint } from './checkpoint.ts'
import type { JsonValue } from '../../core/json.ts'
import type { NamedTensor, StoredDtype } from './safetensors-writer.ts'

export type JsonObject = { [key: string]: JsonValue }

/** The files of a model folder other than its weights. */
export interface ModelFiles {
  /** `config.json`. Keys that the engine does not know are carried over. */
  config: JsonObject
  /** `tokenizer.json` of Hugging Face tokenizers. */
  tokenizer: JsonObject
  /** `tokenizer_config.json`. */
  tokenizerConfig: JsonObject
  /** `generation_config.json`, if any. */
  generationConfig?: JsonObject
  /** A Jinja chat template, if any. */
  chatTemplate?: string
  /** Files as they were read, by name; they win over the parsed values when the folder is saved. */
  raw?: ReadonlyMap<string, Uint8Array>
}

/** Twice the largest tokenizer in use (34 MB); its JSON takes ten times as much when it is parsed. */
const MAX_FILE_BYTES = 64 * 1024 * 1024

/** Files that other programs look for beside the ones we read. */
const COMPANIONS = [
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
] as const

/** @throws ModelError naming the file that is missing, too large or not the JSON object it must be */
export function readModelFiles(dir: string): ModelFiles {
  recoverFolder(dir)
  if (!existsSync(dir)) throw new ModelError(`model folder ${dir} does not exist`)
  const raw = new Map<string, Uint8Array>()
  const config = required(readJson(dir, 'config.json', raw), dir, 'config.json')
  const tokenizer = required(readJson(dir, 'tokenizer.json', raw), dir, 'tokenizer.json')
  const tokenizerConfig = readJson(dir, 'tokenizer_config.json', raw) ?? {}
  const generationConfig = readJson(dir, 'generation_config.json', raw)
  const chatTemplate = readChatTemplate(dir, tokenizerConfig, raw)
  for (const name of COMPANIONS) readBytes(dir, name, raw)
  return {
    config,
    tokenizer,
    tokenizerConfig,
    ...(generationConfig === undefined ? {} : { generationConfig }),
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
    raw,
  }
}

function required(value: JsonObject | undefined, dir: string, name: string): JsonObject {
  if (value === undefined) {
    throw new ModelError(`model folder ${dir} has no ${name}; it must be in the Hugging Face layout`)
  }
  return value
}

function readBytes(dir: string, name: string, raw: Map<string, Uint8Array>): Uint8Array | undefined {
  const path = join(dir, name)
  if (!existsSync(path)) return undefined
  try {
    const { size } = statSync(path)
    if (size > MAX_FILE_BYTES) throw new ModelError(`${path}: ${size} bytes are more than such a file can have`)
    const bytes = readFileSync(path)
    raw.set(name, bytes)
    return bytes
  } catch (error) {
    if (error instanceof ModelError) throw error
    throw new ModelError(`cannot read ${path}: ${errorMessage(error)}`, { cause: error })
  }
}

function readJson(dir: string, name: string, raw: Map<string, Uint8Array>): JsonObject | undefined {
  const bytes = readBytes(dir, name, raw)
  if (bytes === undefined) return undefined
  const json = parseJson(new TextDecoder().decode(bytes))
  if (!json.ok) throw new ModelError(`${join(dir, name)} is not JSON (${json.message})`)
  if (!isJsonObject(json.value)) throw new ModelError(`${join(dir, name)} must hold a JSON object`)
  return json.value
}

/** `chat_template.jinja` wins, then the older `chat_template.json`, then the key in `tokenizer_config.json`. */
function readChatTemplate(dir: string, tokenizerConfig: JsonObject, raw: Map<string, Uint8Array>): string | undefined {
  const jinja = readBytes(dir, 'chat_template.jinja', raw)
  if (jinja !== undefined) return new TextDecoder().decode(jinja)
  const legacy = readJson(dir, 'chat_template.json', raw)?.['chat_template']
  if (typeof legacy === 'string') return legacy
  return templateFromConfig(tokenizerConfig['chat_template'])
}

/** The key is a text, or a list of named templates of which `default` counts. */
function templateFromConfig(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return undefined
  const chosen = value.filter(isJsonObject).find((item) => item['name'] === 'default')
  const template = chosen?.['template']
  return typeof template === 'string' ? template : undefined
}

/**
 * Writes a model folder that appears whole or not at all.
 * @param tensors parameters under their Hugging Face names
 * @param addMore writes what else belongs into the folder, before it appears
 */
export function saveModelFolder(
  dir: string,
  files: ModelFiles,
  tensors: readonly NamedTensor[],
  dtype: StoredDtype = 'F32',
  addMore: (temporaryDir: string) => void = () => undefined,
): void {
  writeFolderAtomically(dir, (temporary) => {
    for (const [name, content] of folderContents(files, dtype)) writeFileSync(join(temporary, name), content)
    writeCheckpoint(temporary, tensors, dtype)
    addMore(temporary)
  })
}

function folderContents(files: ModelFiles, dtype: StoredDtype): Map<string, string | Uint8Array> {
  const contents = new Map<string, string | Uint8Array>()
  contents.set('config.json', toText(withDtype(files.config, dtype)))
  contents.set('tokenizer.json', toText(files.tokenizer))
  contents.set('tokenizer_config.json', toText(files.tokenizerConfig))
  if (files.generationConfig !== undefined) contents.set('generation_config.json', toText(files.generationConfig))
  if (files.chatTemplate !== undefined) contents.set('chat_template.jinja', files.chatTemplate)
  for (const [name, bytes] of files.raw ?? []) {
    if (name !== 'config.json') contents.set(name, bytes)
  }
  return contents
}

/** transformers loads weights in the dtype that the configuration names (`dtype`, before version 5 `torch_dtype`). */
function withDtype(config: JsonObject, dtype: StoredDtype): JsonObject {
  const name = dtype === 'F32' ? 'float32' : 'bfloat16'
  const key = 'dtype' in config ? 'dtype' : 'torch_dtype'
  return { ...config, [key]: name }
}

function toText(value: JsonObject): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
