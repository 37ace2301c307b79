/** The pages of one file that were read last. Bytes once written must never change; the file may grow. Knows no lines. */
import { readSync } from 'node:fs'

const pageBytes = 1 << 16
const mostPages = 64

interface Page {
  readonly bytes: Buffer
  /** How much of it there was when it was read. */
  filled: number
}

export class PageCache {
  private readonly fd: number
  /** By number, the one used last at the end. */
  private readonly pages = new Map<number, Page>()

  constructor(fd: number) {
    this.fd = fd
  }

  /** The bytes there are of the `length` from `offset`: a view of the cache, good until the next call. */
  read(offset: number, length: number): Buffer {
    const number = Math.floor(offset / pageBytes)
    const start = offset - number * pageBytes
    if (start + length > pageBytes) {
      const bytes = Buffer.allocUnsafe(length)
      return bytes.subarray(0, this.fill(bytes, 0, offset))
    }
    const page = this.page(number)
    if (page.filled < start + length) page.filled = this.fill(page.bytes, page.filled, number * pageBytes)
    return page.bytes.subarray(start, Math.max(start, Math.min(start + length, page.filled)))
  }

  private page(number: number): Page {
    const known = this.pages.get(number)
    this.pages.delete(number)
    const [oldest] = this.pages.keys()
    let page = known
    if (page === undefined && this.pages.size >= mostPages && oldest !== undefined) {
      page = { bytes: this.pages.get(oldest)?.bytes ?? Buffer.allocUnsafeSlow(pageBytes), filled: 0 }
      this.pages.delete(oldest)
    }
    page ??= { bytes: Buffer.allocUnsafeSlow(pageBytes), filled: 0 }
    this.pages.set(number, page)
    return page
  }

  /** Reads on behind the first `done` bytes; returns how many there are then. `at`: where `bytes` begins in the file. */
  private fill(bytes: Buffer, done: number, at: number): number {
    while (done < bytes.length) {
      const count = readSync(this.fd, bytes, done, bytes.length - done, at + done)
      if (count === 0) break
      done += count
    }
    return done
  }
}
