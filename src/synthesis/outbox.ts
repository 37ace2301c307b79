/**
 * Hands finished examples on in the order of the questions, one at a time. Few are held: one that has to wait for many before
 * it is let go, and made again from the journal when its turn comes. Knows no calls.
 */
import type { Example } from '../records/index.ts'

export interface OutboxOptions {
  readonly sink: (example: Example) => void | Promise<void>
  /** Makes a finished example again. */
  readonly remake: (index: number) => Promise<Example>
  /** Whether nothing more is to be handed on. */
  readonly stopped: () => boolean
  readonly onError: (error: Error) => void
}

/** Whole examples held at most, as far as they can be made again: of 32 answers each they take some 10 MB. */
const mostHeld = 32
/** So many finished ones wait for whoever takes them before no question is begun. */
const behindAt = 8

export class Outbox {
  private readonly options: OutboxOptions
  /** Finished, not handed on; null: let go. */
  private readonly waiting = new Map<number, Example | null>()
  private held = 0
  private next = 0
  private handing: Promise<void> = Promise.resolve()

  constructor(options: OutboxOptions) {
    this.options = options
  }

  /** How many were handed on. */
  get handedOn(): number {
    return this.next
  }

  /** Whether whoever takes the examples is slower than those who make them. */
  get isBehind(): boolean {
    return this.waiting.has(this.next) && this.waiting.size >= behindAt
  }

  /** Takes a finished example; resolves when everything whose turn it is was handed on. `final`: it cannot be made again. */
  put(index: number, example: Example, final: boolean): Promise<void> {
    const keep = final || index === this.next || this.held < mostHeld
    if (keep) this.held++
    this.waiting.set(index, keep ? example : null)
    this.handing = this.handing
      .then(() => this.handOn())
      .catch((error: unknown) => this.options.onError(error as Error))
    return this.handing
  }

  private async handOn(): Promise<void> {
    for (;;) {
      const waiting = this.waiting.get(this.next)
      if (waiting === undefined || this.options.stopped()) return
      await this.options.sink(waiting ?? (await this.options.remake(this.next)))
      if (waiting !== null) this.held--
      this.waiting.delete(this.next++)
    }
  }
}
