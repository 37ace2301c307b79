/**
 * Seeded randomness. Every random choice of a run comes from here, by name: a stream is derived from the run's seed
 * and a label, so that adding a consumer never shifts the numbers that another one sees.
 *
 * Generator: sfc32 (Chris Doty-Humphrey, PractRand), seeded from the first 128 bits of SHA-256 over seed and labels.
 */
import { hash } from 'node:crypto'

export interface Rng {
  /** Uniform 32-bit unsigned integer. */
  uint32(): number
  /** Uniform in [0, 1), 53 random bits. */
  uniform(): number
  /** Uniform integer in [0, n). */
  below(n: number): number
  /** Standard normal (Box–Muller). */
  normal(): number
  /** In-place Fisher–Yates; returns the same array. */
  shuffle<T>(items: T[]): T[]
  /** One item, uniformly. Throws on an empty list. */
  pick<T>(items: readonly T[]): T
}

/** The stream named by `labels` under `seed`. Equal arguments give equal streams, on every machine. */
export function rng(seed: number | string, ...labels: (string | number)[]): Rng {
  const digest = hash('sha256', JSON.stringify([seed, ...labels]), 'buffer')
  return new Sfc32(digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12))
}

/** A 31-bit seed derived by name, for interfaces that want a number (an OpenAI-compatible server's `seed`). */
export function deriveSeed(seed: number | string, ...labels: (string | number)[]): number {
  return rng(seed, ...labels).uint32() >>> 1
}

class Sfc32 implements Rng {
  private a: number
  private b: number
  private c: number
  private counter: number

  constructor(a: number, b: number, c: number, counter: number) {
    this.a = a
    this.b = b
    this.c = c
    this.counter = counter
    for (let i = 0; i < 12; i++) this.uint32()
  }

  uint32(): number {
    const t = (this.a + this.b + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0
    return t >>> 0
  }

  uniform(): number {
    return ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992
  }

  below(n: number): number {
    return Math.floor(this.uniform() * n)
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform())
  }

  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const held = items[i] as T
      items[i] = items[j] as T
      items[j] = held
    }
    return items
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('pick: the list is empty')
    return items[this.below(items.length)] as T
  }
}
