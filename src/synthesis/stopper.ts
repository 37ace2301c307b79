/** The one switch that ends a synthesis early. The first reason counts. Knows no calls. */
import { setMaxListeners } from 'node:events'

/** Thrown inside a question that can go no further because the run is stopping; never leaves this room. */
export class Stopped extends Error {
  constructor() {
    super('the synthesis is stopping')
    this.name = 'Stopped'
  }
}

export class Stopper {
  private readonly controller = new AbortController()

  constructor() {
    // Every call that waits listens; more than ten of them are no leak.
    setMaxListeners(0, this.controller.signal)
  }

  /** Why the run stops; null while it goes on. */
  get reason(): Error | null {
    return this.controller.signal.aborted ? (this.controller.signal.reason as Error) : null
  }

  /** Aborts when the run stops: for waits. */
  get signal(): AbortSignal {
    return this.controller.signal
  }

  stop(reason: Error): void {
    if (!this.controller.signal.aborted) this.controller.abort(reason)
  }

  /** @throws {Stopped} when the run is stopping. */
  check(): void {
    if (this.controller.signal.aborted) throw new Stopped()
  }
}
