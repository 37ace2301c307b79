/**
 * Seeded randomness. Every random choice of a run comes from here, by name: a stream is derived from the run's seed
 * and a label, so that adding a consumer never shifts the numbers that another one sees.
 *
 * Generator: sfc32 (Chris Doty-Humphrey, PractRand), seeded from the first 128 bits of SHA-256 over seed and labels.
 */
import { createHash } from 'node:crypto'

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
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, ...labels]))
    .digest()
  return fromState(digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12))
}

/** A 31-bit seed derived by name, for interfaces that want a number (an OpenAI-compatible server's `seed`). */
export function deriveSeed(seed: number | string, ...labels: (string | number)[]): number {
  return rng(seed, ...labels).uint32() >>> 1
}

function fromState(a: number, b: number, c: number, counter: number): Rng {
  const uint32 = (): number => {
    const t = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) uint32()
  const uniform = (): number => ((uint32() >>> 5) * 67108864 + (uint32() >>> 6)) / 9007199254740992
  const below = (n: number): number => Math.floor(uniform() * n)
  return {
    uint32,
    uniform,
    below,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    shuffle: <T>(items: T[]): T[] => {
      for (let i = items.length - 1; i > 0; i--) {
        const j = below(i + 1)
        const held = items[i] as T
        items[i] = items[j] as T
        items[j] = held
      }
      return items
    },
    pick: <T>(items: readonly T[]): T => {
      if (items.length === 0) throw new RangeError('pick: the list is empty')
      return items[below(items.length)] as T
    },
  }
}
