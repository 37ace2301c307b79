/**
 * A seeded uniform sample without replacement, from a stream of unknown length, in memory for the sample only.
 * Every text draws a number that follows from the seed and the text itself; the smallest numbers win (bottom-k
 * sampling; Cohen & Kaplan, "Summarizing data using bottom-k sketches", PODC 2007). So the sample is the same
 * whatever the order of rows and files, equal texts are drawn once, and a larger sample contains the smaller one.
 */
import { rng } from '../core/rng.ts'
import type { Document } from '../records/index.ts'

interface Drawn {
  readonly document: Document
  readonly draw: number
  /** How often this text came by. */
  copies: number
}

export class BottomSample {
  private readonly size: number
  private readonly seed: number
  private readonly drawn = new Map<string, Drawn>()
  /** Draws from here on are out. */
  private limit = Infinity

  constructor(size: number, seed: number) {
    this.size = size
    this.seed = seed
  }

  /** `make` is called only for a document that is in, for now. */
  offer(id: string, make: () => Document): void {
    const known = this.drawn.get(id)
    if (known !== undefined) {
      known.copies++
      return
    }
    const draw = rng(this.seed, 'corpus', id).uniform()
    if (draw >= this.limit) return
    this.drawn.set(id, { document: make(), draw, copies: 1 })
    // Cut back now and then, not at every offer: sorting 2k for every k newcomers.
    if (this.drawn.size >= 2 * this.size + 16) this.cut()
  }

  /** The documents in the order of their draws, and how many copies of them were left out. */
  finish(): { documents: Document[]; duplicates: number } {
    const kept = this.cut()
    const duplicates = kept.reduce((sum, { copies }) => sum + copies - 1, 0)
    return { documents: kept.map(({ document }) => document), duplicates }
  }

  private cut(): Drawn[] {
    const kept = [...this.drawn.values()].sort((a, b) => a.draw - b.draw || (a.document.id < b.document.id ? -1 : 1))
    for (const { document } of kept.splice(this.size)) this.drawn.delete(document.id)
    if (kept.length === this.size) this.limit = kept.at(-1)?.draw ?? Infinity
    return kept
  }
}
