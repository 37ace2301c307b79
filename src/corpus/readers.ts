/** Files to rows of text, streamed; what cannot be read is a row too, so that it can be counted. Knows no sampling. */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { errorMessage, InputError } from '../core/errors.ts'
import { isJsonObject, parseJson } from '../core/json.ts'
import { splitLines } from '../core/lines.ts'
import type { CorpusFile } from './files.ts'

/** Longest line of a JSONL file, in bytes; a longer one is a bad row. */
const longestLine = 64 * 1024 * 1024

/** `bad`: not UTF-8, not a JSON object, or its field is not a text. `fields`: what it has instead, where it is one. */
export type CorpusRow =
  | { readonly kind: 'text'; readonly text: string; readonly source: string }
  | { readonly kind: 'bad'; readonly source: string; readonly fields?: readonly string[] }

/**
 * The rows of a file in order; memory stays at one row. `.jsonl`: a row per line, empty lines are none; others: the
 * file is one row.
 * @throws {InputError} when the file cannot be opened.
 */
export async function* readRows(file: CorpusFile, field: string): AsyncGenerator<CorpusRow> {
  try {
    if (file.extension === '.jsonl') yield* readJsonl(file.path, field)
    else yield readWhole(file.path, await readFile(file.path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
    throw new InputError(`Cannot read ${file.path}: ${errorMessage(error)}`, { cause: error })
  }
}

async function* readJsonl(path: string, field: string): AsyncGenerator<CorpusRow> {
  let line = 0
  const chunks: AsyncIterable<Uint8Array> = createReadStream(path, { highWaterMark: 1 << 20 })
  for await (const { bytes, tooLong } of splitLines(chunks, longestLine)) {
    const source = `${path}:${++line}`
    const text = tooLong ? null : decode(bytes)
    if (text === null) yield { kind: 'bad', source }
    else if (text.trim() !== '') yield toRow(text, field, source)
  }
}

function toRow(line: string, field: string, source: string): CorpusRow {
  const json = parseJson(line)
  if (!json.ok || !isJsonObject(json.value)) return { kind: 'bad', source }
  const text = Object.hasOwn(json.value, field) ? json.value[field] : undefined
  return typeof text === 'string'
    ? { kind: 'text', text, source }
    : { kind: 'bad', source, fields: Object.keys(json.value) }
}

function readWhole(path: string, bytes: Uint8Array): CorpusRow {
  const text = decode(bytes)
  return text === null ? { kind: 'bad', source: path } : { kind: 'text', text, source: path }
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** Text of UTF-8 bytes, without a byte-order mark; null when they are something else. */
function decode(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes)
  } catch {
    return null
  }
}
