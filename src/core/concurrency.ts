/** Bounded concurrency. Knows nothing of what it runs. */

/**
 * Runs at most `limit` tasks at once; a waiting task with a higher priority goes first, equal priorities in order of
 * arrival. A task that throws rejects its own promise only.
 */
export class PriorityLimiter {
  private readonly waiting: { priority: number; order: number; start: () => void }[] = []
  private running = 0
  private arrivals = 0
  private limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  /** Tasks running now. */
  get active(): number {
    return this.running
  }

  /** Tasks waiting for a place. */
  get queued(): number {
    return this.waiting.length
  }

  setLimit(limit: number): void {
    this.limit = limit
    this.drain()
  }

  async run<T>(priority: number, task: () => Promise<T>): Promise<T> {
    if (this.running >= this.limit) {
      await new Promise<void>((resolve) => {
        this.enqueue(priority, resolve)
      })
    } else {
      this.running++
    }
    try {
      return await task()
    } finally {
      this.running--
      this.drain()
    }
  }

  private enqueue(priority: number, start: () => void): void {
    const entry = { priority, order: this.arrivals++, start }
    let low = 0
    let high = this.waiting.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.waiting[middle]
      if (other !== undefined && other.priority >= priority) low = middle + 1
      else high = middle
    }
    this.waiting.splice(low, 0, entry)
  }

  private drain(): void {
    while (this.running < this.limit) {
      const next = this.waiting.shift()
      if (next === undefined) return
      this.running++
      next.start()
    }
  }
}
