/**
 * How many calls were in flight over time, and how many tokens came, in bins that grow coarser as the run grows longer: so that
 * the whole of a run of any length is a short list. Bins lie at multiples of their width, so that two of them join exactly.
 */
import { z } from 'zod'
import { stageOrder } from '../views/calls.ts'
import type { Timeline } from '../views/wire.ts'

const finestMs = 250
const mostBins = 2048
/** So many are drawn at most. */
const shownBins = 240

export const busyBinsSchema = z.strictObject({
  binMs: z.number().positive(),
  first: z.int(),
  /** Call-bins by stage: what a bin holds is the mean number in flight during it. */
  busy: z.record(z.string(), z.array(z.number())),
  tokens: z.array(z.number()),
})

export class BusyBins {
  private binMs = finestMs
  /** Number of the first bin: it begins at `first · binMs` since the epoch. */
  private first = 0
  private busy = new Map<string, number[]>()
  private tokens: number[] = []

  /** A finished call: start and end in milliseconds since the epoch. */
  add(stage: string, start: number, end: number, tokens: number): void {
    // Whatever stands in a file: no date is further away than this.
    if (!(end >= start && Math.abs(start) < 8.64e15 && end < 8.64e15)) return
    this.reach(start, end)
    const row = this.row(stage)
    const [from, to] = [start / this.binMs - this.first, end / this.binMs - this.first]
    const last = Math.floor(to)
    for (let bin = Math.floor(from); bin <= last; bin++) {
      const share = Math.min(to, bin + 1) - Math.max(from, bin)
      if (share > 0) row[bin] = (row[bin] ?? 0) + share
    }
    this.tokens[last] = (this.tokens[last] ?? 0) + tokens
  }

  addAll(other: BusyBins): void {
    if (other.tokens.length === 0) return
    while (this.binMs < other.binMs) this.coarsen()
    this.reach(other.first * other.binMs, (other.first + other.tokens.length) * other.binMs - 1)
    // Widths are powers of two of one another.
    const share = other.binMs / this.binMs
    const place = (i: number): number => Math.floor((other.first + i) * share) - this.first
    for (const [stage, values] of other.busy) {
      const row = this.row(stage)
      for (const [i, value] of values.entries()) row[place(i)] = (row[place(i)] ?? 0) + value * share
    }
    for (const [i, value] of other.tokens.entries()) this.tokens[place(i)] = (this.tokens[place(i)] ?? 0) + value
  }

  clear(): void {
    this.binMs = finestMs
    this.first = 0
    this.busy.clear()
    this.tokens = []
  }

  save(): z.infer<typeof busyBinsSchema> {
    return { binMs: this.binMs, first: this.first, busy: Object.fromEntries(this.busy), tokens: this.tokens }
  }

  load({ binMs, first, busy, tokens }: z.infer<typeof busyBinsSchema>): void {
    this.binMs = binMs
    this.first = first
    this.busy = new Map(Object.entries(busy))
    this.tokens = tokens
  }

  /** Null before the first call. */
  timeline(): Timeline | null {
    if (this.tokens.length === 0) return null
    const factor = Math.ceil(this.tokens.length / shownBins)
    const stages = stageOrder.filter((stage) => this.busy.has(stage))
    const binMs = this.binMs * factor
    return {
      start: this.first * this.binMs,
      binMs,
      stages,
      inFlight: stages.map((stage) => joined(this.row(stage), factor).map((value) => value / factor)),
      tokensPerSecond: joined(this.tokens, factor).map((value) => (value * 1000) / binMs),
    }
  }

  private row(stage: string): number[] {
    const known = this.busy.get(stage)
    if (known !== undefined) return known
    const row = this.tokens.map(() => 0)
    this.busy.set(stage, row)
    return row
  }

  /** Makes bins for this time, coarser ones where there would be too many. */
  private reach(start: number, end: number): void {
    const span = (): [number, number] => {
      const [from, to] = [Math.floor(start / this.binMs), Math.floor(end / this.binMs)]
      if (this.tokens.length === 0) return [from, to]
      return [Math.min(from, this.first), Math.max(to, this.first + this.tokens.length - 1)]
    }
    while (span()[1] - span()[0] >= mostBins) this.coarsen()
    const [from, to] = span()
    const before = this.tokens.length === 0 ? 0 : this.first - from
    const after = to - from + 1 - before - this.tokens.length
    for (const row of [...this.busy.values(), this.tokens]) {
      if (before > 0) row.unshift(...zeros(before))
      for (let i = 0; i < after; i++) row.push(0)
    }
    this.first = from
  }

  private coarsen(): void {
    const odd = Math.abs(this.first) % 2
    const half = (row: readonly number[], weight: number): number[] =>
      joined([...zeros(odd), ...row], 2).map((value) => value * weight)
    for (const [stage, row] of this.busy) this.busy.set(stage, half(row, 0.5))
    this.tokens = half(this.tokens, 1)
    this.first = Math.floor(this.first / 2)
    this.binMs *= 2
  }
}

/** Sums of each `factor` values. */
function joined(values: readonly number[], factor: number): number[] {
  return Array.from({ length: Math.ceil(values.length / factor) }, (_, i) => {
    let sum = 0
    for (let k = i * factor; k < Math.min(values.length, (i + 1) * factor); k++) sum += values[k] ?? 0
    return sum
  })
}

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0)
}
