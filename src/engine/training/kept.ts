/**
 * What forward passes computed, kept for the gradient of the same sequences that is asked for next. Knows buffers and their
 * names, not what is in them.
 */
import type { Dimension } from '../graph/dimension.ts'
import type { Feed } from '../runtime/executable.ts'
import type { Packed } from './fill.ts'

type Tokens = ArrayLike<number>

/** A tensor that one part of a graph gives and the other takes. */
export interface Carried {
  readonly name: string
  readonly shape: readonly Dimension[]
}

/** Of one micro-batch. */
export interface KeptPass {
  readonly logprobs: Float32Array
  readonly carried: Readonly<Record<string, Feed>>
}

/** Buffers grow a little beyond what is needed now, as the next micro-batches are not of quite the same size. */
const GROWTH = 1.25

export class KeptPasses {
  private readonly budget: number
  /** By micro-batch and name. They stay for the next ones: new memory costs as much as filling it. */
  private readonly buffers = new Map<string, Float32Array>()
  private sequences: readonly Tokens[] = []
  private passes = new Map<number, KeptPass>()
  private bytes = 0

  /** @param budget bytes at most, by the estimates that are given */
  constructor(budget: number) {
    this.budget = budget
  }

  /** From here on, passes over these sequences are kept, and no others. */
  begin(sequences: readonly Tokens[]): void {
    this.forget()
    this.sequences = sequences.map((tokens) => Int32Array.from(tokens))
  }

  /** Whether one more micro-batch of about so many bytes may be kept; it then counts. */
  reserve(bytes: number): boolean {
    if (this.bytes + bytes > this.budget) return false
    this.bytes += bytes
    return true
  }

  /** Buffers for what a micro-batch carries over. */
  allocate(index: number, carried: readonly Carried[], { tokens, rows }: Packed): Record<string, Feed> {
    const lengths: Readonly<Record<string, number>> = { tokens, rows }
    const of = (length: Dimension): number =>
      typeof length === 'number' ? length : length.times * (lengths[length.symbol] ?? 0)
    return Object.fromEntries(
      carried.map(({ name, shape }) => {
        const sizes = shape.map(of)
        const data = this.buffer(
          `${index}:${name}`,
          sizes.reduce((product, size) => product * size, 1),
        )
        return [name, { data, shape: sizes }]
      }),
    )
  }

  keep(index: number, pass: KeptPass): void {
    this.passes.set(index, pass)
  }

  /** What was kept of exactly these sequences, by micro-batch; after that nothing is kept any more. */
  take(sequences: readonly Tokens[]): ReadonlyMap<number, KeptPass> {
    const same =
      sequences.length === this.sequences.length &&
      this.sequences.every((tokens, i) => equal(tokens, sequences[i] ?? []))
    const taken = same ? this.passes : new Map<number, KeptPass>()
    this.forget()
    return taken
  }

  /** For when the weights change. */
  forget(): void {
    this.sequences = []
    this.passes = new Map()
    this.bytes = 0
  }

  release(): void {
    this.forget()
    this.buffers.clear()
  }

  private buffer(key: string, length: number): Float32Array {
    const known = this.buffers.get(key)
    if (known !== undefined && known.length >= length) return known.subarray(0, length)
    const made = new Float32Array(Math.ceil(length * (known === undefined ? 1 : GROWTH)))
    this.buffers.set(key, made)
    return made.subarray(0, length)
  }
}

function equal(a: Tokens, b: Tokens): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
