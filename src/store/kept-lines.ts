/**
 * What an index remembers, as one file: a line of JSON, then its lists of numbers as they lie in memory (little-endian, as on
 * every machine that runs this). Numbers in blocks because a list of 300,000 places is read in a blink so, and as text is not.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { parseJson } from '../core/json.ts'

/** Numbers in lists, and whatever survives JSON. */
export interface Kept {
  readonly numbers: Readonly<Record<string, Float64Array>>
  readonly values: unknown
}

/** What an index says of itself: which rules made it, and of which bytes. */
export interface KeptOf {
  readonly recipe: string
  /** Of the file, from its start. */
  readonly bytes: number
  readonly check: string
  /** When the file was last written, as of that look. */
  readonly modified: number
}

const headSchema = z.strictObject({
  version: z.literal(2),
  recipe: z.string(),
  bytes: z.int(),
  check: z.string(),
  modified: z.number(),
  lists: z.array(z.tuple([z.string(), z.int().nonnegative()])),
  values: z.unknown(),
})

const bytesPerNumber = 8
let writes = 0

/** Renamed into place, so that of two writers either one wins; a torn file is told by its length. @throws what the file system says */
export async function writeKept(path: string, of: KeptOf, { numbers, values }: Kept): Promise<void> {
  const lists = Object.entries(numbers)
  const sizes = lists.map(([name, list]): [string, number] => [name, list.length])
  const head = Buffer.from(`${JSON.stringify({ version: 2, ...of, lists: sizes, values })}\n`)
  const blocks = lists.map(([, list]) => Buffer.from(list.buffer, list.byteOffset, list.byteLength))
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.${process.pid}-${writes++}.tmp`
  try {
    await writeFile(temporary, Buffer.concat([head, ...blocks]))
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** Null for what is missing, torn, or was made by other rules. */
export async function readKept(path: string, recipe: string): Promise<(KeptOf & { kept: Kept }) | null> {
  const file = await readFile(path).catch(() => null)
  const end = file?.indexOf(0x0a) ?? -1
  if (file === null || end < 0) return null
  const json = parseJson(file.toString('utf8', 0, end))
  const head = headSchema.safeParse(json.ok ? json.value : null)
  if (!head.success || head.data.recipe !== recipe) return null
  const { lists, values, bytes, check, modified } = head.data
  const numbers = readLists(file.subarray(end + 1), lists)
  return numbers === null ? null : { recipe, bytes, check, modified, kept: { numbers, values } }
}

function readLists(blocks: Buffer, lists: readonly (readonly [string, number])[]): Kept['numbers'] | null {
  const wanted = lists.reduce((sum, [, length]) => sum + length * bytesPerNumber, 0)
  if (blocks.length !== wanted) return null
  const numbers: Record<string, Float64Array> = {}
  let at = 0
  for (const [name, length] of lists) {
    // Copied: the block need not begin where eight bytes do.
    const list = new Float64Array(length)
    blocks.copy(Buffer.from(list.buffer), 0, at, at + list.byteLength)
    numbers[name] = list
    at += list.byteLength
  }
  return numbers
}
