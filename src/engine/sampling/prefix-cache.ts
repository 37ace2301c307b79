/**
 * Keys and values of prompts that were computed not long ago, for prompts of later requests that begin alike: the scoring
 * prompts of one question share rubric, document and question, and seldom all arrive together. Pure but for what it keeps.
 */
import { commonLength, MIN_SHARED } from './prefix.ts'
import type { RowSnapshot } from './token-model.ts'

interface Entry {
  readonly prompt: readonly number[]
  readonly row: RowSnapshot
}

/** The most that is kept; a handful of beginnings are in use at a time. */
const MOST_ENTRIES = 16
const MOST_BYTES = 256 * 2 ** 20
/** A prompt of which this share is kept already is not kept again. */
const KNOWN_SHARE = 0.8

export class PrefixCache {
  /** Last used last. */
  private entries: Entry[] = []

  /** The prompts kept, in the order that `use` counts in. */
  get prompts(): readonly (readonly number[])[] {
    return this.entries.map(({ prompt }) => prompt)
  }

  /** The keys and values of prompt number `index`, which counts as used. */
  use(index: number): RowSnapshot {
    const [entry] = this.entries.splice(index, 1)
    if (entry === undefined) throw new RangeError(`PrefixCache: there is no prompt ${index}`)
    this.entries.push(entry)
    return entry.row
  }

  /**
   * Keeps a prompt, as many of its leading tokens as there is room for, unless most of that is kept. `copy` takes so many
   * tokens of its row apart, each of `bytesPerToken`.
   */
  keep(whole: readonly number[], bytesPerToken: number, copy: (length: number) => RowSnapshot): void {
    const prompt = whole.slice(0, Math.floor(MOST_BYTES / bytesPerToken))
    if (prompt.length < MIN_SHARED) return
    const known = this.entries.some((entry) => commonLength(prompt, entry.prompt) >= KNOWN_SHARE * prompt.length)
    if (known) return
    const others = MOST_BYTES - prompt.length * bytesPerToken
    while (this.entries.length >= MOST_ENTRIES || this.bytes > others) this.entries.shift()
    this.entries.push({ prompt, row: copy(prompt.length) })
  }

  /** For when the weights change, or the memory is wanted. */
  clear(): void {
    this.entries = []
  }

  private get bytes(): number {
    return this.entries.reduce(
      (sum, { row }) => sum + row.parts.reduce((part, { byteLength }) => part + byteLength, 0),
      0,
    )
  }
}
