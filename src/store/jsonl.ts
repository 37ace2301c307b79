/** Derived files of a run, one JSON value per line: written whole, read one line at a time. Knows no record. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { z } from 'zod'
import { InputError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { splitLines } from '../core/lines.ts'
import { AtomicWriter } from './atomic.ts'

/** Writes line by line; the file appears under its name when `commit` is called, and not before. */
export class JsonlWriter {
  private readonly writer: AtomicWriter

  private constructor(writer: AtomicWriter) {
    this.writer = writer
  }

  static async open(path: string): Promise<JsonlWriter> {
    return new JsonlWriter(await AtomicWriter.open(path))
  }

  async write(value: unknown): Promise<void> {
    await this.writer.write(JSON.stringify(value) + '\n')
  }

  async commit(): Promise<void> {
    await this.writer.commit()
  }

  /** Drops what was not committed. */
  async discard(): Promise<void> {
    await this.writer.discard()
  }
}

/** Writes all values, or leaves the file as it was. */
export async function writeJsonl(path: string, values: Iterable<unknown> | AsyncIterable<unknown>): Promise<void> {
  const writer = await JsonlWriter.open(path)
  try {
    for await (const value of values) await writer.write(value)
    await writer.commit()
  } finally {
    await writer.discard()
  }
}

/**
 * The values of a JSONL file, one after another.
 * @throws {InputError} when the file is missing or a line is not what `schema` asks for: the message names the line.
 */
export async function* readJsonl<T>(path: string, schema: z.ZodType<T>): AsyncGenerator<T> {
  if ((await stat(path).catch(() => null)) === null) throw new InputError(`${path} does not exist`)
  let number = 0
  const chunks: AsyncIterable<Uint8Array> = createReadStream(path, { highWaterMark: 1 << 20 })
  for await (const { bytes } of splitLines(chunks)) {
    number++
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
    if (text.trim() === '') continue
    const json = parseJson(text)
    if (!json.ok) throw new InputError(`${path} line ${number} is not JSON: ${json.message}`)
    const value = schema.safeParse(json.value)
    if (!value.success) throw new InputError(`${path} line ${number}: ${firstIssue(value.error)}`)
    yield value.data
  }
}

/** The first thing a schema found wrong, with its place. */
export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0]
  const where = issue?.path.join('.') ?? ''
  return `${where === '' ? '' : `"${where}": `}${issue?.message ?? 'of an unexpected shape'}`
}

/** Lines that are not empty, complete or not: counted without looking into them. */
export async function countLines(path: string): Promise<number> {
  let [count, isEmpty] = [0, true]
  const chunks: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: 1 << 20 })
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      if (!isEmpty || end > start) count++
      isEmpty = true
      start = end + 1
    }
    if (start < chunk.length) isEmpty = false
  }
  return isEmpty ? count : count + 1
}
