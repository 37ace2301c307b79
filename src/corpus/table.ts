/**
 * A whole file of rows with its checksum: benchmark data, recorded answers. Small enough for memory by nature.
 * Knows formats, not what the rows mean.
 */
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { errorMessage, InputError } from '../core/errors.ts'
import { sha256 } from '../core/hash.ts'
import { parseJson } from '../core/json.ts'
import { parseCsv } from './csv.ts'

export interface Table {
  readonly source: string
  /** Of the file's bytes. */
  readonly sha256: string
  readonly rows: readonly unknown[]
  /** Of `.txt` files: the whole text, as it stands. */
  readonly text?: string
}

/**
 * Reads `.jsonl`, `.json` (a list, or an object whose values are rows and whose keys become `id`), `.csv` and `.txt`
 * (one row per line, field `text`).
 * @throws {InputError} when the file is missing, damaged or of another kind
 */
export async function readTable(path: string): Promise<Table> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new InputError(`${path} cannot be read: ${errorMessage(error)}`, { cause: error })
  })
  const text = new TextDecoder().decode(bytes)
  const whole = extname(path).toLowerCase() === '.txt' ? { text } : {}
  return { source: path, sha256: sha256(bytes), rows: rowsOf(path, text), ...whole }
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
  throw new InputError(`${path}: .jsonl, .json, .csv and .txt are read here`)
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
