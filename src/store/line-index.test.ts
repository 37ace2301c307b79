import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Kept } from './kept-lines.ts'
import { LineIndex, type LineMemory, type LinePlace } from './line-index.ts'

let dir = ''
let path = ''
let kept = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pop-index-'))
  path = join(dir, 'lines.jsonl')
  kept = join(dir, '.index', 'lines.index')
})
afterEach(() => rm(dir, { recursive: true, force: true }))

let made = 0

/** Remembers each line's first letter; a line with # is none. */
class Letters implements LineMemory {
  letters: string[] = []
  places: LinePlace[] = []

  add(line: Buffer, place: LinePlace): void {
    made++
    if (line[0] === 0x23) return
    this.letters.push(line.toString('utf8', 0, 1))
    this.places.push(place)
  }

  clear(): void {
    this.letters = []
    this.places = []
  }

  save(): Kept {
    return { numbers: { offsets: Float64Array.from(this.places, ({ offset }) => offset) }, values: this.letters }
  }

  load({ numbers, values }: Kept): boolean {
    if (!Array.isArray(values) || numbers['offsets']?.length !== values.length) return false
    this.letters = values as string[]
    this.places = [...numbers['offsets']].map((offset) => ({ offset, length: 1 }))
    return true
  }
}

const index = (recipe = 'first letter', keepIn = [kept]): LineIndex<Letters> =>
  new LineIndex(path, new Letters(), { recipe, keepIn })
const large = (letter: string, lines = 5000): string => `${letter.repeat(1000)}\n`.repeat(lines)
/** Lines that a new reader had to look at. */
const remade = async (recipe?: string, keepIn?: string[]): Promise<number> => {
  made = 0
  await index(recipe, keepIn).update()
  return made
}

describe('an index of lines', () => {
  it('finds each complete line by its bytes, and leaves a torn last line to its writer', async () => {
    await writeFile(path, 'ä one\n# none\nb two\nc to')
    const lines = index()
    expect(await lines.update()).toBe(true)
    expect(await lines.read(lines.memory.places)).toEqual(['ä one', 'b two'])
    await appendFile(path, 'rn\nd\n')
    expect(await lines.update()).toBe(true)
    expect(await lines.read(lines.memory.places)).toEqual(['ä one', 'b two', 'c torn', 'd'])
    expect(lines.progress).toEqual({ done: 29, all: 29 })
    expect(await lines.update()).toBe(false)
  })

  it('finds lines that are longer than what is read in one piece', async () => {
    const long = 'x'.repeat(1_500_000)
    await writeFile(path, `a\n${long}\nb\n`)
    const lines = index()
    await lines.update()
    expect(lines.memory.letters).toEqual(['a', 'x', 'b'])
    expect(await lines.read(lines.memory.places.slice(1, 2))).toEqual([long])
  })

  it('is empty for a missing file, and begins anew when the file was replaced or written over', async () => {
    const lines = index()
    expect(await lines.update()).toBe(false)
    await writeFile(path, 'a\nb\n')
    await lines.update()
    await writeFile(path, 'x\ny\nz\n')
    await lines.update()
    expect(lines.memory.letters).toEqual(['x', 'y', 'z'])
    await truncate(path, 2)
    await lines.update()
    expect(lines.memory.letters).toEqual(['x'])
    await writeFile(path, 'w\n')
    await utimes(path, 1, 1)
    await lines.update()
    expect(lines.memory.letters).toEqual(['w'])
  })

  it('reads again what could not be read the last time, though the file did not change', async () => {
    // A folder is opened like a file, and no byte of it can be read.
    await mkdir(join(path, 'inside'), { recursive: true })
    await utimes(path, 1, 1)
    const { size } = await stat(path)
    const lines = index()
    await expect(lines.update()).rejects.toThrow('EISDIR')
    await rm(path, { recursive: true })
    await writeFile(path, 'a\n'.padEnd(size, 'b\n'))
    await utimes(path, 1, 1)
    expect(await lines.update()).toBe(true)
    expect(lines.memory.letters).toHaveLength(Math.floor(size / 2))
    expect(await lines.update()).toBe(false)
  })

  it('goes on when the file gets another name', async () => {
    await writeFile(path, 'a\nb\n')
    const lines = index()
    await lines.update()
    await appendFile(path, 'c\n')
    await rename(path, `${path}.done`)
    lines.moveTo(`${path}.done`)
    made = 0
    await lines.update()
    expect([made, lines.memory.letters]).toEqual([1, ['a', 'b', 'c']])
  })

  it('is kept for a large file, so that the next reader reads only what came after', async () => {
    await writeFile(path, large('a'))
    await index().update()
    expect((await stat(kept)).size).toBeGreaterThan(5000 * 8)
    await appendFile(path, 'b\n')
    made = 0
    const again = index()
    await again.update()
    expect([made, again.memory.letters.length]).toEqual([1, 5001])
    expect(await again.read([again.memory.places[5000] ?? { offset: 0, length: 0 }])).toEqual(['b'])
    expect(await readdir(join(dir, '.index'))).toEqual(['lines.index'])
  })

  it('does not use a kept index of another recipe, of another file, or a damaged one', async () => {
    await writeFile(path, large('a'))
    await index().update()
    const bytes = await readFile(kept)
    expect(await remade()).toBe(0)
    expect(await remade('another', [])).toBe(5000)
    for (const damaged of [bytes.subarray(0, 100), bytes.subarray(0, -8), Buffer.from('{"version":2}\n')]) {
      await writeFile(kept, damaged)
      expect(await remade()).toBe(5000)
    }
    await writeFile(path, large('b'))
    expect(await remade()).toBe(5000)
    // Grown, with something else in the middle of what was known.
    await writeFile(path, large('b', 2000) + large('c', 1000) + large('b', 4000))
    expect(await remade()).toBe(7000)
  })

  it('is kept in the next place when the first cannot be written, and read from there', async () => {
    await writeFile(path, large('a'))
    await writeFile(join(dir, 'file'), '')
    const places = [join(dir, 'file', 'lines.index'), join(dir, 'cache', 'lines.index')]
    expect(await remade(undefined, places)).toBe(5000)
    expect(await remade(undefined, places)).toBe(0)
    expect(await remade(undefined, [places[0] ?? ''])).toBe(5000)
  })
})
