/**
 * How many calls the questions under way want, so that new ones are begun only when there is room. A question always
 * counts at least one, also in the moment between two of its calls. Knows no calls.
 */

/** One question's part of the demand. */
export interface DemandShare {
  track<T>(call: () => Promise<T>): Promise<T>
  end(): void
}

export class Demand {
  private total = 0

  /** Calls wanted or out now. */
  get value(): number {
    return this.total
  }

  /** A question begins. `track` its calls; `end` it. */
  begin(): DemandShare {
    let calls = 0
    this.total++
    return {
      track: async (call) => {
        calls++
        if (calls > 1) this.total++
        try {
          return await call()
        } finally {
          calls--
          if (calls > 0) this.total--
        }
      },
      end: () => {
        this.total--
      },
    }
  }
}
