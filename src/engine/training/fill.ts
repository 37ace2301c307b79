/** Where the sequences of a micro-batch lie in a program's buffers, and writing them there. Knows no model. */
import { MASKED } from '../ops/attention.ts'
import type { RowSize } from './batching.ts'
import { rowPositions } from './batching.ts'
import type { PrefixGroup } from './prefix-groups.ts'
import type { CompiledDecoder } from './programs.ts'

type Tokens = ArrayLike<number>

/** Positions `from` … `from + count` of a sequence's predictions, which lie at `at` in the micro-batch. */
export interface Segment {
  readonly item: number
  readonly from: number
  readonly count: number
  readonly at: number
}

/** Where the sequences of a row lie. The beginning stands at the end of its place, so that the branches follow it. */
export function segmentsOf(
  { items, prefix }: PrefixGroup,
  row: number,
  size: RowSize,
  results: readonly Float32Array[],
): Segment[] {
  const start = row * rowPositions(size)
  return items.flatMap((item, branch) => {
    const rest = { item, from: prefix, count: (results[item]?.length ?? 0) - prefix }
    const at = start + size.prefix + branch * size.length
    const beginning = { item, from: 0, count: prefix, at: start + size.prefix - prefix }
    return prefix === 0 ? [{ ...rest, at }] : [beginning, { ...rest, at }]
  })
}

interface Content {
  readonly segments: readonly Segment[]
  readonly sequences: readonly Tokens[]
  readonly weights: readonly ArrayLike<number>[] | undefined
}

/** Writes a micro-batch into a program's buffers. Padding has weight 0, and no position of a sequence sees it. */
export function fill(
  { ids, targets, seeds, padding }: CompiledDecoder,
  rows: readonly PrefixGroup[],
  size: RowSize,
  { segments, sequences, weights }: Content,
): void {
  ids.fill(0)
  targets.fill(0)
  seeds.fill(0)
  for (const { item, from, count, at } of segments) {
    const tokens = sequences[item] ?? []
    for (let i = 0; i < count; i++) {
      ids[at + i] = tokens[from + i] ?? 0
      targets[at + i] = tokens[from + i + 1] ?? 0
      // A common beginning has the weights of all that share it.
      seeds[at + i] = (seeds[at + i] ?? 0) - (weights?.[item]?.[from + i] ?? 0)
    }
  }
  rows.forEach(({ prefix }, row) => {
    padding?.fill(MASKED, row * size.prefix, (row + 1) * size.prefix - prefix)
    padding?.fill(0, (row + 1) * size.prefix - prefix, (row + 1) * size.prefix)
  })
}
