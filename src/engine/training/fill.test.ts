import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planMicroBatches } from './batching.ts'
import { pack } from './fill.ts'
import type { Packed, PackOptions } from './fill.ts'
import { groupSize, prefixGroups } from './prefix-groups.ts'

/** All sequences in one micro-batch. */
function packAll(sequences: readonly number[][], weights: readonly number[][], options: PackOptions): Packed {
  const groups = prefixGroups(sequences, 1e6, true)
  const sizes = groups.map(({ items, prefix }) =>
    groupSize(
      items.map((item) => (sequences[item]?.length ?? 0) - 1),
      prefix,
    ),
  )
  const [batch, ...others] = planMicroBatches(sizes, 1e9)
  if (batch === undefined || others.length > 0) throw new Error('more than one micro-batch')
  const copies = Math.max(batch.copies, options.copies)
  return pack(
    batch,
    { groups: batch.items.flatMap((item) => groups[item] ?? []), sequences, weights },
    { ...options, copies },
  )
}

const HEADS = 2
/** Alike enough that one micro-batch is cheapest: lengths 33 to 64 of rows of 64. */
const anySequences = fc
  .record({
    beginnings: fc.array(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 20, maxLength: 30 }), {
      minLength: 1,
      maxLength: 3,
    }),
    ends: fc.array(fc.tuple(fc.nat(2), fc.array(fc.integer({ min: 4, max: 9 }), { minLength: 14, maxLength: 34 })), {
      minLength: 1,
      maxLength: 6,
    }),
  })
  .map(({ beginnings, ends }) =>
    ends
      .toSorted(([a], [b]) => a - b)
      .map(([which, end]) => [...(beginnings[which % beginnings.length] ?? []), ...end]),
  )

describe('pack', () => {
  it('stands every sequence in a row of its own, in order, and sums the weights of what is shared', () => {
    fc.assert(
      fc.property(anySequences, fc.constantFrom(1, 2, 8), fc.boolean(), (sequences, copies, rounded) => {
        const weights = sequences.map((tokens, i) => tokens.slice(1).map((_, t) => 1 + i + t / 64))
        const packed = packAll(sequences, weights, { kvHeads: HEADS, copies, rounded })
        const { ids, targets, positions, seeds, rowTokens } = packed
        const length = rowTokens.length / (packed.rows * HEADS)
        const seen = new Map<number, number>()
        const rows = Array.from({ length: packed.rows }, (_, row) =>
          Array.from({ length }, (_unused, t) => (rowTokens[row * HEADS * length + t] ?? -1) / HEADS),
        )
        for (const [i, tokens] of sequences.entries()) {
          const count = tokens.length - 1
          const match = rows.filter((row) =>
            row.slice(0, count).every((n, t) => ids[n] === tokens[t] && targets[n] === tokens[t + 1]),
          )
          expect(match.length).toBeGreaterThan(0)
          expect(match.every((row) => row.slice(0, count).every((n, t) => positions[n] === t))).toBe(true)
          for (const { from, at, count: size } of packed.segments.filter(({ item }) => item === i)) {
            for (let t = 0; t < size; t++) seen.set(at + t, (seen.get(at + t) ?? 0) - (weights[i]?.[from + t] ?? 0))
          }
        }
        for (let n = 0; n < packed.tokens; n++) expect(seeds[n]).toBeCloseTo(seen.get(n) ?? 0, 3)
      }),
      { numRuns: 200 },
    )
  })

  it('names for every token where it stands, and for every place its owner, padding for what is missing', () => {
    fc.assert(
      fc.property(anySequences, fc.constantFrom(1, 2, 8), fc.boolean(), (sequences, copies, rounded) => {
        const packed = packAll(sequences, [], { kvHeads: HEADS, copies, rounded })
        const { rowTokens, rowOwners, places } = packed
        const real = new Set(
          packed.segments.flatMap(({ at, count }) => Array.from({ length: count }, (_, t) => at + t)),
        )
        const perToken = places.length / packed.tokens
        const owned = new Map<number, number>()
        rowOwners.forEach((entry, place) => {
          expect([rowTokens[place], Math.floor((rowTokens[place] ?? 0) / HEADS)]).toContain(
            real.has(Math.floor(entry / HEADS)) ? entry : rowTokens[place],
          )
          if (real.has(Math.floor(entry / HEADS))) owned.set(entry, (owned.get(entry) ?? 0) + 1)
        })
        expect([...owned.values()].every((times) => times === 1)).toBe(true)
        expect(owned.size).toBe(real.size * HEADS)
        for (const token of Array.from({ length: packed.tokens }, (_, n) => n)) {
          for (let head = 0; head < HEADS; head++) {
            const own = [
              ...places.subarray(
                token * perToken + (head * perToken) / HEADS,
                token * perToken + ((head + 1) * perToken) / HEADS,
              ),
            ]
            const expected = [...rowTokens].flatMap((entry, place) => (entry === token * HEADS + head ? [place] : []))
            if (real.has(token)) {
              expect(rowOwners[own[0] ?? -1]).toBe(token * HEADS + head)
              expect(new Set(own.filter((place) => rowTokens[place] === token * HEADS + head))).toEqual(
                new Set(expected),
              )
            }
            for (const place of own) {
              const standing = Math.floor((rowTokens[place] ?? -1) / HEADS)
              expect(standing === token || !real.has(standing)).toBe(true)
            }
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  it('pads nothing where the rows are full', () => {
    const sequences = [0, 1].map((seed) => Array.from({ length: 33 }, (_, t) => (seed + t) % 7))
    const packed = packAll(sequences, [], { kvHeads: 1, copies: 1, rounded: false })
    expect([packed.tokens, packed.rows, packed.rowTokens.length]).toEqual([64, 2, 64])
    const rounded = packAll(sequences.slice(0, 1), [], { kvHeads: 1, copies: 2, rounded: true })
    expect([rounded.tokens, rounded.rows]).toEqual([64, 2])
  })
})
