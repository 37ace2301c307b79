/** Files that are whole or absent: written beside their place, flushed, then renamed into it. Knows nothing of runs. */
import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { errorMessage, RunFolderError } from '../core/errors.ts'

let writes = 0
/** Characters that wait to be written at most. */
const mostWaiting = 1 << 20

/** Replaces `path` by `data` in one step: a reader sees the old file or the new one, also after a power loss. */
export async function writeFileAtomic(path: string, data: string): Promise<void> {
  const writer = await AtomicWriter.open(path)
  try {
    await writer.write(data)
    await writer.commit()
  } finally {
    await writer.discard()
  }
}

export async function writeJsonAtomic(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(value, null, 2) + '\n')
}

/**
 * Puts a folder into the place of another, on one file system. Until the new one stands, the old one lies beside its place as
 * `.NAME.old`. Where a killed process left only that, it is put back here; and by the engine, which names it alike, when it opens it.
 * @throws {RunFolderError} when it cannot be moved; then the old one is back in its place
 */
export async function moveFolder(from: string, to: string): Promise<void> {
  try {
    await mkdir(dirname(to), { recursive: true })
    await restoreFolder(to)
    const replaced = await renameIfThere(to, oldOf(to))
    await rename(from, to).catch(async (error: unknown) => {
      if (replaced) await rename(oldOf(to), to)
      throw error
    })
    await removeFolder(oldOf(to))
  } catch (error) {
    throw cannotWrite(to, error)
  }
}

/** After a process that was killed while it moved a folder there: the old one is back, or gone where the new one stands. */
async function restoreFolder(to: string): Promise<void> {
  if (await exists(to)) await removeFolder(oldOf(to))
  else await renameIfThere(oldOf(to), to)
}

/** With all that is in it, or a file; nothing happens where there is none. */
export async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
}

function oldOf(to: string): string {
  return join(dirname(to), `.${basename(to)}.old`)
}

/** Whether there was something to rename. */
async function renameIfThere(from: string, to: string): Promise<boolean> {
  if (!(await exists(from))) return false
  await rename(from, to)
  return true
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null
}

/** A file written piece by piece that appears under its name only when it is complete. */
export class AtomicWriter {
  readonly path: string
  private readonly temporary: string
  private readonly handle: FileHandle
  private finished = false
  private waiting: string[] = []
  private waitingLength = 0
  private writing: Promise<void> | null = null
  private failure: unknown = null

  private constructor(path: string, temporary: string, handle: FileHandle) {
    this.path = path
    this.temporary = temporary
    this.handle = handle
  }

  /** @throws {RunFolderError} when the file cannot be created. */
  static async open(path: string): Promise<AtomicWriter> {
    const temporary = `${path}.${process.pid}-${writes++}.tmp`
    try {
      await mkdir(dirname(path), { recursive: true })
      return new AtomicWriter(path, temporary, await open(temporary, 'w'))
    } catch (error) {
      throw cannotWrite(path, error)
    }
  }

  /** Written soon; waits only while much is under way. A failure shows at the next write, or at `commit`. */
  async write(text: string): Promise<void> {
    this.waiting.push(text)
    this.waitingLength += text.length
    this.writing ??= this.writeAll()
    if (this.waitingLength > mostWaiting) await this.writing
    await this.guard(() => this.check())
  }

  async commit(): Promise<void> {
    await this.guard(async () => {
      await this.writing
      await this.check()
      await this.handle.sync()
      await this.handle.close()
      await rename(this.temporary, this.path)
    })
    this.finished = true
    await syncFolder(dirname(this.path))
  }

  /** Drops what was not committed; does nothing after `commit`. */
  async discard(): Promise<void> {
    if (this.finished) return
    this.finished = true
    this.waiting = []
    await this.writing
    await this.handle.close().catch(() => undefined)
    await rm(this.temporary, { force: true })
  }

  private async writeAll(): Promise<void> {
    // What comes in this turn of the event loop travels together.
    await Promise.resolve()
    try {
      while (this.waiting.length > 0) {
        const text = this.waiting.join('')
        this.waiting = []
        this.waitingLength = 0
        await this.handle.appendFile(text, 'utf8')
      }
    } catch (error) {
      this.failure ??= error
    }
    this.writing = null
  }

  private check(): Promise<void> {
    return this.failure === null ? Promise.resolve() : Promise.reject(this.failure as Error)
  }

  private async guard(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      await this.discard()
      throw cannotWrite(this.path, error)
    }
  }
}

/** Makes a new name in a folder survive a power loss, where the system can (Windows cannot open folders). */
export async function syncFolder(dir: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } catch {
    // Some network file systems refuse to sync a folder; the rename itself is still atomic.
  } finally {
    await handle.close()
  }
}

/** What to tell a user whose disk would not take a write. */
export function cannotWrite(path: string, error: unknown): RunFolderError {
  const code = (error as NodeJS.ErrnoException | null)?.code
  const why =
    code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
      ? 'the disk is full; free some space and run the same command again: what was saved is intact'
      : code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
        ? 'no permission to write there; choose another place with --run DIR'
        : errorMessage(error)
  return new RunFolderError(`Cannot write ${path}: ${why}`, { cause: error })
}
