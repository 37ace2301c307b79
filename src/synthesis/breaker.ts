/** Decides when a model is out of order for good: most of the latest calls to it failed. Knows no calls. */

const firstFailures = 10
const smallestWindow = 20
const openShare = 0.9

/**
 * Opens when the first ten calls all failed, or when 90 % of the latest `window` did. A server that fails three calls
 * in ten stays far from both (odds below one in ten million per window of 20).
 */
export class CircuitBreaker {
  private readonly window: number
  private readonly latest: boolean[] = []
  private failures = 0
  private everWorked = false

  /** `concurrency`: a moment's fault fails everything in flight at once, so the window holds twice as much. */
  constructor(concurrency: number) {
    this.window = Math.max(smallestWindow, 2 * concurrency)
  }

  succeeded(): void {
    this.everWorked = true
    this.record(false)
  }

  /** True when that was one failure too many. */
  failed(): boolean {
    this.record(true)
    if (!this.everWorked) return this.failures >= firstFailures
    return this.latest.length >= this.window && this.failures >= openShare * this.latest.length
  }

  /** For the message: "18 of the last 20". */
  describe(): string {
    return `${this.failures} of the last ${this.latest.length}`
  }

  private record(failure: boolean): void {
    this.latest.push(failure)
    if (failure) this.failures++
    if (this.latest.length > this.window && this.latest.shift() === true) this.failures--
  }
}
