/**
 * A whole file of rows with its checksum: benchmark data, recorded answers. Small enough for memory by nature.
 * Knows formats, not what the rows mean.
 */
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { errorMessage, InputError } from '../core/errors.ts'
import { sha256 } from '../core/hash.ts'
import { parseJson } from '../core/json.ts'
import { cacheDirOf, download, Hub, HttpClient, isHubAddress, parseHubAddress } from '../hub/index.ts'
import { parseCsv } from './csv.ts'
import type { CorpusDeps } from './source.ts'

export interface Table {
  readonly source: string
  /** Of the file's bytes. */
  readonly sha256: string
  /** Of a file of the hub: its commit. */
  readonly revision?: string
  readonly rows: readonly unknown[]
  /** Of `.txt` files: the whole text, as it stands. */
  readonly text?: string
}

/**
 * Reads `.jsonl`, `.json` (a list, or an object whose values are rows and whose keys become `id`), `.csv`, `.parquet` and
 * `.txt` (one row per line, field `text`).
 * @throws {InputError} when the file is missing, damaged or of another kind
 */
export async function readTable(path: string): Promise<Table> {
  return tableOf(path, await bytesOf(path))
}

/**
 * The same, also for a file of a dataset of the hub (`hf://datasets/OWNER/NAME[@REVISION]/PATH`): fetched once, checked and
 * kept; `revision` is the commit.
 * @throws {InputError} as above, and when the hub has no such file
 */
export async function readTableAt(source: string, deps: CorpusDeps): Promise<Table> {
  if (!isHubAddress(source)) return readTable(source)
  const { repo: name, revision: named, path } = parseHubAddress(source)
  const repo = { kind: 'dataset', name } as const
  const http = new HttpClient(deps)
  const hub = new Hub(http, deps.env)
  const revision = await hub.commit(repo, named)
  const file = (await hub.files(repo, revision)).find((one) => one.path === path)
  if (file === undefined) throw new InputError(`${source}: name one file of the dataset; there is no "${path}"`)
  const kept = await download(http, hub.address(repo, revision, path), file, { cacheDir: cacheDirOf(deps.env) })
  return { ...(await tableOf(path, await bytesOf(kept))), source, revision }
}

async function bytesOf(path: string): Promise<Uint8Array> {
  return readFile(path).catch((error: unknown) => {
    throw new InputError(`${path} cannot be read: ${errorMessage(error)}`, { cause: error })
  })
}

async function tableOf(path: string, bytes: Uint8Array): Promise<Table> {
  const kind = extname(path).toLowerCase()
  const found = { source: path, sha256: sha256(bytes) }
  if (kind === '.parquet') return { ...found, rows: await parquetRows(path, bytes) }
  const text = new TextDecoder().decode(bytes)
  return { ...found, rows: rowsOf(path, text), ...(kind === '.txt' ? { text } : {}) }
}

async function parquetRows(path: string, bytes: Uint8Array): Promise<readonly unknown[]> {
  const file = new Uint8Array(bytes).buffer
  const rows = await parquetReadObjects({ file, compressors }).catch((error: unknown) => {
    throw new InputError(`${path} cannot be read as Parquet: ${errorMessage(error)}`, { cause: error })
  })
  return rows.map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, plainNumber(value)])))
}

/** Whole numbers as JSON has them, as far as they fit. */
function plainNumber(value: unknown): unknown {
  return typeof value === 'bigint' && BigInt(Number(value)) === value ? Number(value) : value
}

function rowsOf(path: string, text: string): readonly unknown[] {
  const kind = extname(path).toLowerCase()
  if (kind === '.jsonl') return jsonLines(path, text)
  if (kind === '.json') return jsonRows(path, text)
  if (kind === '.csv') return parseCsv(text)
  if (kind === '.txt') {
    const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
    return lines.map((line) => ({ text: line }))
  }
  throw new InputError(`${path}: .jsonl, .json, .csv, .parquet and .txt are read here`)
}

function jsonLines(path: string, text: string): unknown[] {
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return []
    const json = parseJson(line)
    if (!json.ok) throw new InputError(`${path} line ${i + 1} is not JSON: ${json.message}`)
    return [json.value]
  })
}

function jsonRows(path: string, text: string): readonly unknown[] {
  const json = parseJson(text)
  if (!json.ok) throw new InputError(`${path} is not JSON: ${json.message}`)
  if (Array.isArray(json.value)) return json.value
  if (typeof json.value === 'object' && json.value !== null) {
    return Object.entries(json.value).map(([id, row]) =>
      typeof row === 'object' && row !== null && !Array.isArray(row) ? { id, ...row } : { id, value: row },
    )
  }
  throw new InputError(`${path}: a list or an object of rows is needed`)
}
