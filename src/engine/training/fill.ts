/** Where the tokens of a micro-batch stand in a program's inputs. Knows no model but the number of its key heads. */
import { bucketLength } from './batching.ts'
import type { MicroBatch } from './batching.ts'
import type { PrefixGroup } from './prefix-groups.ts'

type Tokens = ArrayLike<number>

/** Predictions `from` … `from + count` of a sequence, which stand at `at` among the tokens of the micro-batch. */
export interface Segment {
  readonly item: number
  readonly from: number
  readonly count: number
  readonly at: number
}

/** What a program is fed; indices as in `RowPlaces` of `ops/attention.ts`. Padding is token 0 with weight 0. */
export interface Packed {
  /** N: the tokens, and what of padding is needed. */
  readonly tokens: number
  /** S */
  readonly rows: number
  readonly ids: Int32Array
  readonly targets: Int32Array
  readonly positions: Int32Array
  readonly seeds: Float32Array
  readonly rowTokens: Int32Array
  readonly rowOwners: Int32Array
  readonly places: Int32Array
  readonly segments: readonly Segment[]
}

export interface PackOptions {
  readonly kvHeads: number
  /** R of the program: at least the copies of the micro-batch. */
  readonly copies: number
  /** Whether the number of tokens is rounded up, for a program that must know it. */
  readonly rounded: boolean
}

export interface Content {
  readonly groups: readonly PrefixGroup[]
  readonly sequences: readonly Tokens[]
  readonly weights: readonly ArrayLike<number>[] | undefined
}

/** The groups of a micro-batch, one behind the other: the common beginning, then how each sequence goes on. */
export function pack(batch: MicroBatch, content: Content, options: PackOptions): Packed {
  const segments = segmentsOf(content.groups, content.sequences)
  const { length } = batch
  const free = rowLengths(content).some((taken) => taken < length)
  // What stands in fewer rows than others has a place of padding instead.
  const needed = batch.tokens + (free || options.copies > 1 ? 1 : 0)
  const tokens = options.rounded ? bucketLength(needed) : needed
  const rows = batch.rows + (tokens > batch.tokens && !free ? 1 : 0)
  return {
    tokens,
    rows,
    segments,
    ...tokenInputs(segments, tokens, content),
    ...rowInputs(segments, { tokens, rows, length, padding: batch.tokens }, { ...content, ...options }),
  }
}

/** Predictions of a sequence: one less than its tokens. */
function predictions(sequences: readonly Tokens[], item: number): number {
  return (sequences[item]?.length ?? 1) - 1
}

function rowLengths({ groups, sequences }: Pick<Content, 'groups' | 'sequences'>): number[] {
  return groups.flatMap(({ items }) => items.map((item) => predictions(sequences, item)))
}

function segmentsOf(groups: readonly PrefixGroup[], sequences: readonly Tokens[]): Segment[] {
  let at = 0
  return groups.flatMap(({ items, prefix }) => {
    const beginning = at
    at += prefix
    return items.flatMap((item) => {
      const rest = { item, from: prefix, count: predictions(sequences, item) - prefix, at }
      at += rest.count
      return prefix === 0 ? [rest] : [{ item, from: 0, count: prefix, at: beginning }, rest]
    })
  })
}

function tokenInputs(
  segments: readonly Segment[],
  count: number,
  { sequences, weights }: Content,
): Pick<Packed, 'ids' | 'targets' | 'positions' | 'seeds'> {
  const [ids, targets, positions] = [new Int32Array(count), new Int32Array(count), new Int32Array(count)]
  const seeds = new Float32Array(count)
  for (const { item, from, count: length, at } of segments) {
    const tokens = sequences[item] ?? []
    for (let i = 0; i < length; i++) {
      ids[at + i] = tokens[from + i] ?? 0
      targets[at + i] = tokens[from + i + 1] ?? 0
      positions[at + i] = from + i
      // A common beginning has the weights of all that share it.
      seeds[at + i] = (seeds[at + i] ?? 0) - (weights?.[item]?.[from + i] ?? 0)
    }
  }
  return { ids, targets, positions, seeds }
}

function rowInputs(
  segments: readonly Segment[],
  { tokens, rows, length, padding }: { tokens: number; rows: number; length: number; padding: number },
  { groups, kvHeads, copies, sequences }: Pick<Content, 'groups' | 'sequences'> & PackOptions,
): Pick<Packed, 'rowTokens' | 'rowOwners' | 'places'> {
  const size = rows * length
  const tokenAt = new Int32Array(size).fill(padding)
  const ownerAt = new Int32Array(size).fill(padding)
  const placesOf = new Int32Array(tokens * copies).fill(-1)
  const rowOf = new Map(groups.flatMap(({ items }) => items).map((item, row) => [item, row]))
  for (const { item, from, count, at } of segments) {
    const start = (rowOf.get(item) ?? 0) * length + from
    for (let i = 0; i < count; i++) {
      const [token, place] = [at + i, start + i]
      let copy = token * copies
      while (placesOf[copy] !== -1) copy++
      placesOf[copy] = place
      tokenAt[place] = token
      if (copy === token * copies) ownerAt[place] = token
    }
  }
  const free = firstFree(rowLengths({ groups, sequences }), length)
  const places = placesOf.map((place) => (place === -1 ? free : place))
  return {
    rowTokens: byHead(tokenAt, length, kvHeads),
    rowOwners: byHead(ownerAt, length, kvHeads),
    places: placesByHead(places, { length, kvHeads, copies }),
  }
}

/** The first place that no sequence takes. */
function firstFree(lengths: readonly number[], length: number): number {
  const row = lengths.findIndex((taken) => taken < length)
  return row === -1 ? lengths.length * length : row * length + (lengths[row] ?? 0)
}

/** [S, T] → [S, K, T]: token · K + head. */
function byHead(tokenAt: Int32Array, length: number, kvHeads: number): Int32Array {
  return Int32Array.from({ length: tokenAt.length * kvHeads }, (_, i) => {
    const [position, head] = [i % length, Math.floor(i / length) % kvHeads]
    const row = Math.floor(i / (length * kvHeads))
    return (tokenAt[row * length + position] ?? 0) * kvHeads + head
  })
}

/** [N, R] → [N, K, R]: (row · K + head) · T + position. */
function placesByHead(
  places: Int32Array,
  { length, kvHeads, copies }: { length: number; kvHeads: number; copies: number },
): Int32Array {
  return Int32Array.from({ length: places.length * kvHeads }, (_, i) => {
    const [copy, head] = [i % copies, Math.floor(i / copies) % kvHeads]
    const place = places[Math.floor(i / (copies * kvHeads)) * copies + copy] ?? 0
    return (Math.floor(place / length) * kvHeads + head) * length + (place % length)
  })
}
