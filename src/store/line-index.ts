/**
 * What the lines of a JSONL file are, and where they lie: so that a page of a large file is read without reading the file.
 * Grows with the file: only what was appended is read again. What is remembered of a large file is kept in a file of its own:
 * a cache, which may be deleted at any time and is made anew when it does not match. Knows no record.
 */
import { open, stat, type FileHandle } from 'node:fs/promises'
import { sha256 } from '../core/hash.ts'
import { readKept, writeKept, type Kept, type KeptOf } from './kept-lines.ts'

/** Where a line lies in its file, in bytes, without its newline. */
export interface LinePlace {
  readonly offset: number
  readonly length: number
}

/** Remembers lines, one after another. */
export interface LineMemory {
  /** A line that is none of its kind is left out. The bytes are only lent. */
  add(line: Buffer, place: LinePlace): void
  /** Forgets all. */
  clear(): void
  save(): Kept
  /** Takes over what `save` gave; false when it is something else, then `clear` follows. */
  load(kept: Kept): boolean
}

export interface LineIndexOptions {
  /** Names how lines are remembered: what was kept under another name is made anew. */
  readonly recipe: string
  /** Where to keep it, the first that can be written; empty: nowhere. */
  readonly keepIn: readonly string[]
}

/** A file that is read in a blink is not worth a second one beside it. */
const worthKeeping = 4 * 2 ** 20
/** Kept again while a long first look goes on, so that stopping it loses little. */
const keptEvery = 128 * 2 ** 20
/** Read in one piece; between two of them others get their turn. */
const pieceBytes = 2 ** 18
/** Blocks of the indexed part that tell whether the file is still the same. */
const checkedBlocks = 16
const blockBytes = 4096
/** A longer line is none that anybody could show. */
const longestLine = 256 * 2 ** 20
const newline = 0x0a

export class LineIndex<Memory extends LineMemory> {
  readonly memory: Memory
  /** Goes up when the file turned out to be another one, and all was forgotten. */
  restarts = 0
  private file: string
  private readonly options: LineIndexOptions
  private bytes = 0
  private keptBytes = 0
  private check = ''
  private modified = 0
  private size = 0
  /** Size and time of the file when it was last read to its end; empty while it was not. */
  private seen = ''
  private working: Promise<boolean> | null = null
  private loaded = false

  constructor(path: string, memory: Memory, options: LineIndexOptions) {
    this.file = path
    this.memory = memory
    this.options = options
  }

  get path(): string {
    return this.file
  }

  /** The file was renamed. What is known of it stays, if it is still the same. */
  moveTo(path: string): void {
    this.file = path
  }

  /** Learns how large the file is, before the first look. */
  async measure(): Promise<void> {
    if (!this.loaded) this.size = (await stat(this.file).catch(() => null))?.size ?? 0
  }

  /** Bytes of the file that are indexed, and all. */
  get progress(): { readonly done: number; readonly all: number } {
    return { done: Math.min(this.bytes, this.size), all: this.size }
  }

  /** Reads what was appended since the last time; resolves to whether anything changed. A missing file is empty. */
  update(): Promise<boolean> {
    this.working ??= this.advance().finally(() => {
      this.working = null
    })
    return this.working
  }

  /** The texts of lines, in the order asked for. @throws when the file cannot be read */
  async read(places: readonly LinePlace[]): Promise<string[]> {
    if (places.length === 0) return []
    const handle = await open(this.file, 'r')
    try {
      const texts: string[] = []
      for (const place of places) texts.push((await readAt(handle, place)).toString('utf8'))
      return texts
    } finally {
      await handle.close()
    }
  }

  private async advance(): Promise<boolean> {
    const { size, mtimeMs: modified } = (await stat(this.file).catch(() => null)) ?? { size: 0, mtimeMs: 0 }
    const found = `${size} ${modified}`
    if (this.seen === found) return false
    this.seen = ''
    const before = this.bytes
    this.size = size
    if (size === 0) {
      if (this.bytes > 0) this.forget()
      this.loaded = true
      this.seen = found
      return before > 0
    }
    const handle = await open(this.file, 'r')
    try {
      await this.catchUp(handle, modified)
      this.seen = found
    } finally {
      await handle.close()
    }
    return this.bytes !== before
  }

  private async catchUp(handle: FileHandle, modified: number): Promise<void> {
    if (!this.loaded && this.size >= worthKeeping) await this.loadKept(handle, modified)
    this.loaded = true
    if (this.bytes > 0 && !(await this.isSame(handle, modified))) this.forget()
    this.modified = modified
    if (this.size > this.bytes) await this.scan(handle)
  }

  /** In pieces, so that what is known so far can be asked meanwhile. */
  private async scan(handle: FileHandle): Promise<void> {
    let rest: Buffer = Buffer.alloc(0)
    let at = this.bytes
    while (at < this.size) {
      const wanted = Math.max(pieceBytes, Math.min(rest.length, 64 * 2 ** 20))
      const piece = await readAt(handle, { offset: at, length: Math.min(wanted, this.size - at) })
      if (piece.length === 0) break
      at += piece.length
      const known = rest.length === 0 ? piece : Buffer.concat([rest, piece])
      const used = this.addLines(known)
      rest = known.subarray(used)
      if (this.bytes - this.keptBytes >= keptEvery) await this.keep(handle)
    }
    this.check = await fingerprint(handle, this.bytes)
    if (this.bytes - this.keptBytes >= Math.max(worthKeeping, this.keptBytes / 16)) await this.keep(handle)
  }

  /** Adds each line that ends in these bytes, and tells how many bytes they were. A last line may still be being written. */
  private addLines(bytes: Buffer): number {
    let start = 0
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
      const length = end - start
      const line = bytes.subarray(start, end)
      if (length > 0 && length <= longestLine) this.memory.add(line, { offset: this.bytes, length })
      this.bytes += length + 1
      start = end + 1
    }
    return start
  }

  /**
   * A file that grew is the same when blocks all over the indexed part read as before. One that was written without growing was
   * written anew, whatever it holds.
   */
  private async isSame(handle: FileHandle, modified: number): Promise<boolean> {
    if (this.size < this.bytes) return false
    if (this.size === this.bytes && this.modified !== modified) return false
    return (await fingerprint(handle, this.bytes)) === this.check
  }

  private forget(): void {
    this.memory.clear()
    this.bytes = 0
    this.keptBytes = 0
    this.check = ''
    this.restarts++
  }

  private async loadKept(handle: FileHandle, modified: number): Promise<void> {
    for (const path of this.options.keepIn) {
      const found = await readKept(path, this.options.recipe)
      if (found === null || found.bytes > this.size) continue
      this.take(found)
      if ((await this.isSame(handle, modified)) && this.memory.load(found.kept)) return
      this.forget()
    }
  }

  private take({ bytes, check, modified }: KeptOf): void {
    this.bytes = bytes
    this.keptBytes = bytes
    this.check = check
    this.modified = modified
  }

  /** Of two viewers the later one wins, and either is right. */
  private async keep(handle: FileHandle): Promise<void> {
    const check = await fingerprint(handle, this.bytes)
    const of = { recipe: this.options.recipe, bytes: this.bytes, check, modified: this.modified }
    this.keptBytes = this.bytes
    for (const path of this.options.keepIn) {
      // A folder that cannot be written (an archive, another user's run) is read all the same.
      const written = await writeKept(path, of, this.memory.save()).then(
        () => true,
        () => false,
      )
      if (written) return
    }
  }
}

async function readAt(handle: FileHandle, { offset, length }: LinePlace): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  const { bytesRead } = await handle.read(buffer, 0, length, offset)
  return buffer.subarray(0, bytesRead)
}

/** Of blocks spread evenly over the first bytes of a file, the first and the last among them. */
async function fingerprint(handle: FileHandle, bytes: number): Promise<string> {
  const blocks: string[] = []
  for (let i = 0; i < checkedBlocks; i++) {
    const offset = Math.floor((Math.max(0, bytes - blockBytes) * i) / (checkedBlocks - 1))
    blocks.push((await readAt(handle, { offset, length: Math.min(blockBytes, bytes) })).toString('latin1'))
  }
  return sha256(blocks.join('')).slice(0, 16)
}
