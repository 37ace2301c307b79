/** The values of a JSONL file by number, read when asked for: memory holds where the lines lie, not what they say. Knows no record. */
import { open, type FileHandle } from 'node:fs/promises'
import type { z } from 'zod'
import { errorMessage, InputError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { splitLines } from '../core/lines.ts'
import { firstIssue } from './jsonl.ts'

interface Place {
  readonly offset: number
  readonly length: number
}

export class StoredLines<T> {
  private readonly path: string
  private readonly schema: z.ZodType<T>
  private readonly handle: FileHandle
  private readonly places: readonly Place[]

  private constructor(path: string, schema: z.ZodType<T>, handle: FileHandle, places: readonly Place[]) {
    this.path = path
    this.schema = schema
    this.handle = handle
    this.places = places
  }

  /** Stays with the file that is there now, also when another takes its name. Close it. @throws {InputError} when it cannot be read */
  static async open<T>(path: string, schema: z.ZodType<T>): Promise<StoredLines<T>> {
    const handle = await open(path, 'r').catch((error: unknown) => {
      throw new InputError(`${path} cannot be read: ${errorMessage(error)}`)
    })
    try {
      return new StoredLines(path, schema, handle, await placesIn(handle))
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  get count(): number {
    return this.places.length
  }

  /** @throws {InputError} when the line is not what the schema asks for */
  async read(index: number): Promise<T> {
    const place = this.places[index]
    if (place === undefined) throw new RangeError(`${this.path} has no line ${index}`)
    const { buffer } = await this.handle.read(Buffer.alloc(place.length), 0, place.length, place.offset)
    const where = `${this.path} at byte ${place.offset}`
    const json = parseJson(buffer.toString('utf8'))
    if (!json.ok) throw new InputError(`${where} is not JSON: ${json.message}`)
    const value = this.schema.safeParse(json.value)
    if (!value.success) throw new InputError(`${where}: ${firstIssue(value.error)}`)
    return value.data
  }

  async close(): Promise<void> {
    await this.handle.close()
  }
}

/** Of the lines that are not empty. */
async function placesIn(handle: FileHandle): Promise<Place[]> {
  const places: Place[] = []
  const chunks = handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 })
  for await (const { offset, length } of splitLines(chunks as AsyncIterable<Uint8Array>)) {
    if (length > 0) places.push({ offset, length })
  }
  return places
}
