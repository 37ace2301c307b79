/**
 * One append-only JSONL file: scanned once, repaired at its end, then written by one process.
 * Knows bytes and lines; what a line means is the caller's.
 */
import { createReadStream } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { RunFolderError } from '../core/errors.ts'
import { splitLines } from '../core/lines.ts'
import { cannotWrite, syncFolder } from './atomic.ts'
import { PageCache } from './page-cache.ts'

/** Where a line lies in its file, in bytes, without the newline. */
export interface Span {
  readonly offset: number
  readonly length: number
}

interface Waiting {
  readonly bytes: Buffer
  readonly durable: boolean
  readonly resolve: (span: Span) => void
  readonly reject: (error: RunFolderError) => void
}

/** At most so long may a written line wait to be forced to the disk. */
const syncEveryMs = 1000

export class JournalFile {
  readonly path: string
  private readonly handle: FileHandle
  private size: number
  private waiting: Waiting[] = []
  private writing: Promise<void> | null = null
  private syncTimer: NodeJS.Timeout | null = null
  private failure: RunFolderError | null = null
  private readonly pages: PageCache

  private constructor(path: string, handle: FileHandle, size: number) {
    this.path = path
    this.handle = handle
    this.size = size
    this.pages = new PageCache(handle.fd)
  }

  /** A new, empty file; never an existing one. */
  static async create(path: string): Promise<JournalFile> {
    try {
      const file = new JournalFile(path, await open(path, 'wx+'), 0)
      await syncFolder(dirname(path))
      return file
    } catch (error) {
      throw cannotWrite(path, error)
    }
  }

  /**
   * Opens an existing file to append. `keep` bytes at the start are good: what lies behind them is a torn line and is
   * cut off; `closeLine` when only the last newline is missing.
   */
  static async openToAppend(path: string, keep: number, closeLine: boolean): Promise<JournalFile> {
    try {
      const handle = await open(path, 'r+')
      // A file that is cut, even to its own length, looks rewritten to whoever watches it.
      if ((await handle.stat()).size > keep) await handle.truncate(keep)
      if (closeLine) await handle.write('\n', keep)
      await handle.sync()
      return new JournalFile(path, handle, keep + (closeLine ? 1 : 0))
    } catch (error) {
      throw cannotWrite(path, error)
    }
  }

  static async openToRead(path: string): Promise<JournalFile> {
    return new JournalFile(path, await open(path, 'r'), 0)
  }

  /**
   * Appends a line. Resolves when the operating system has it, so that killing this process loses nothing that was
   * resolved; with `durable`, when the disk has it. Lines go out in the order of the calls.
   */
  append(line: string, durable: boolean): Promise<Span> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ bytes: Buffer.from(line + '\n', 'utf8'), durable, resolve, reject })
      this.writing ??= this.writeAll()
    })
  }

  /** The bytes of a line, at once: they are in memory more often than not. Good until the next `read`. */
  read({ offset, length }: Span): Buffer {
    return this.pages.read(offset, length)
  }

  async close(): Promise<void> {
    await this.writing
    if (this.syncTimer !== null) clearTimeout(this.syncTimer)
    try {
      if (this.size > 0 && this.failure === null) await this.handle.datasync()
    } finally {
      await this.handle.close()
    }
  }

  private async writeAll(): Promise<void> {
    // Everything that asks in this turn of the event loop travels in one write.
    await Promise.resolve()
    while (this.waiting.length > 0) {
      const batch = this.waiting
      this.waiting = []
      try {
        await this.writeBatch(batch)
      } catch (error) {
        this.failure ??= cannotWrite(this.path, error)
        for (const entry of batch) entry.reject(this.failure)
      }
    }
    // In the same turn as the last look at `waiting`: an append made right after starts a new round.
    this.writing = null
  }

  private async writeBatch(batch: readonly Waiting[]): Promise<void> {
    if (this.failure !== null) throw this.failure
    const start = this.size
    try {
      await this.writeBytes(Buffer.concat(batch.map((entry) => entry.bytes)), start)
      if (batch.some((entry) => entry.durable)) await this.handle.datasync()
      else this.syncLater()
    } catch (error) {
      // Half a line may have gone out: take it back, so that the file ends as it did before.
      await this.handle.truncate(start).catch(() => undefined)
      throw error
    }
    for (const entry of batch) {
      const span = { offset: this.size, length: entry.bytes.length - 1 }
      this.size += entry.bytes.length
      entry.resolve(span)
    }
  }

  private async writeBytes(bytes: Buffer, start: number): Promise<void> {
    let done = 0
    while (done < bytes.length) {
      const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, start + done)
      done += bytesWritten
    }
  }

  private syncLater(): void {
    this.syncTimer ??= setTimeout(() => {
      this.syncTimer = null
      this.handle.datasync().catch((error: unknown) => {
        this.failure ??= cannotWrite(this.path, error)
      })
    }, syncEveryMs).unref()
  }
}

export interface ScannedLine extends Span {
  readonly bytes: Buffer
  readonly terminated: boolean
  readonly tooLong: boolean
}

/** Streams the lines of a journal file with their places; memory stays at one line. */
export async function* scanLines(path: string): AsyncGenerator<ScannedLine> {
  const chunks: AsyncIterable<Uint8Array> = createReadStream(path, { highWaterMark: 1 << 20 })
  for await (const { bytes, offset, length, terminated, tooLong } of splitLines(chunks)) {
    yield { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset, length, terminated, tooLong }
  }
}
