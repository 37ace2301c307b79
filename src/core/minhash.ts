/**
 * MinHash: how much two texts share, from a few numbers of each. A text is its set of shingles (runs of words); the
 * share of equal minima estimates the sets' Jaccard similarity (Broder, "On the resemblance and containment of
 * documents", 1997; standard error √(s(1−s)/128), 0.035 at 0.8). Banding finds similar texts without comparing all
 * (Leskovec, Rajaraman & Ullman, "Mining of Massive Datasets", 3.4). Knows no documents and no I/O.
 */

import { hashText32, mix32 } from './hash32.ts'
import { wordTokens } from './words.ts'

/** Minima per signature. */
const permutations = 128
/** Words per shingle. */
const defaultShingle = 5
/** A pair just at the threshold is found with at least this probability. */
const recall = 0.99
/** Texts remembered of those that are equal in a band: the first. Where all texts are alike, a look stays as cheap as where none are. */
const mostPerBucket = 64

/** 128 minima, each an unsigned 32-bit integer. */
export type Signature = Uint32Array

/** The salts of the hash functions: fixed, so that signatures agree between machines and runs. */
const salts = Uint32Array.from({ length: permutations }, (_, index) => mix32(Math.imul(index + 1, 0x9e3779b1)))

/**
 * The signature of a text. A text of fewer words than a shingle is one shingle.
 */
export function signatureOf(text: string, shingleWords: number = defaultShingle): Signature {
  const words = wordTokens(text).map(hashText32)
  const minima = new Uint32Array(permutations).fill(0xffffffff)
  const last = Math.max(0, words.length - shingleWords)
  for (let start = 0; start <= last; start++) {
    let shingle = 0x811c9dc5
    for (let at = start; at < Math.min(start + shingleWords, words.length); at++) {
      shingle = mix32(Math.imul(shingle, 31) ^ (words[at] ?? 0))
    }
    lower(minima, shingle)
  }
  return minima
}

/** Estimated Jaccard similarity of the two texts' shingles, 0–1. */
export function similarityOf(a: Signature, b: Signature): number {
  let equal = 0
  for (let index = 0; index < permutations; index++) if (a[index] === b[index]) equal++
  return equal / permutations
}

/** Signatures that were added, found again by similarity. Memory: about 2 KB each. */
export class SimilarityIndex {
  private readonly threshold: number
  private readonly rows: number
  private readonly bands: readonly Map<number, number[]>[]
  private readonly added: Signature[] = []

  /** `threshold`: the least similarity that counts, over 0 and up to 1. */
  constructor(threshold: number) {
    this.threshold = threshold
    this.rows = rowsPerBand(threshold)
    this.bands = Array.from({ length: Math.floor(permutations / this.rows) }, () => new Map())
  }

  /** The most similar one among those added that reaches the threshold, of many alike among the first: its number in order of addition. */
  nearest(signature: Signature): { readonly index: number; readonly similarity: number } | null {
    let best: { index: number; similarity: number } | null = null
    for (const index of this.candidates(signature)) {
      const other = this.added[index]
      const similarity = other === undefined ? 0 : similarityOf(signature, other)
      if (similarity < this.threshold) continue
      if (best === null || similarity > best.similarity || (similarity === best.similarity && index < best.index)) {
        best = { index, similarity }
      }
    }
    return best
  }

  /** Returns its number: 0, 1, … */
  add(signature: Signature): number {
    const index = this.added.push(signature) - 1
    for (const [band, buckets] of this.bands.entries()) {
      const key = this.key(signature, band)
      const bucket = buckets.get(key)
      if (bucket === undefined) buckets.set(key, [index])
      else if (bucket.length < mostPerBucket) bucket.push(index)
    }
    return index
  }

  private candidates(signature: Signature): Set<number> {
    const found = new Set<number>()
    for (const [band, buckets] of this.bands.entries()) {
      for (const index of buckets.get(this.key(signature, band)) ?? []) found.add(index)
    }
    return found
  }

  /** 52 bits over a band's rows. */
  private key(signature: Signature, band: number): number {
    let low = 0x811c9dc5
    let high = 0x01000193
    for (let row = band * this.rows; row < (band + 1) * this.rows; row++) {
      low = mix32(low ^ (signature[row] ?? 0))
      high = mix32(Math.imul(high, 31) ^ low)
    }
    return (high >>> 12) * 4294967296 + (low >>> 0)
  }
}

/** The most rows (fewest false candidates) that still find a pair at the threshold. */
function rowsPerBand(threshold: number): number {
  for (let rows = 8; rows > 1; rows--) {
    const bands = Math.floor(permutations / rows)
    if (1 - (1 - threshold ** rows) ** bands >= recall) return rows
  }
  return 1
}

function lower(minima: Uint32Array, shingle: number): void {
  for (let index = 0; index < permutations; index++) {
    const value = mix32(shingle ^ (salts[index] ?? 0)) >>> 0
    if (value < (minima[index] ?? 0)) minima[index] = value
  }
}
