/**
 * Which sequences begin alike, so that their common beginning is computed once: the two answers of a preference pair, the
 * candidates of one prompt. Pure; knows only token ids.
 */

import { bucketLength } from './batching.ts'
import type { GroupSize } from './batching.ts'
import { SHARED_PLACES } from './memory.ts'
import type { SharePrefixes } from './memory.ts'

type Tokens = ArrayLike<number>

/** Sequences that follow each other in the list and share their first positions. */
export interface PrefixGroup {
  /** Indices, ascending. */
  readonly items: readonly number[]
  /**
   * Positions computed once. A position reads a token and predicts the next one, so the last common token is not among
   * them: what it predicts differs.
   */
  readonly prefix: number
}

/** Shorter beginnings are not worth a group. */
const SHORTEST_PREFIX = 16
const LARGEST_GROUP = 8
/** A further sequence may make the common beginning this much shorter, not more: it is likely of another prompt. */
const KEPT_SHARE = 0.8

/**
 * Every sequence is in one group; those that share nothing are alone, with prefix 0. A group has at most `maxTokens` tokens
 * and `SHARED_PLACES` times as many places in rows, or what two sequences as long as its longest have apart: memory is
 * predicted for no more. With `short` it has no more places than a micro-batch, which takes no more memory than sequences alone.
 */
export function prefixGroups(sequences: readonly Tokens[], maxTokens: number, share: SharePrefixes): PrefixGroup[] {
  if (share === false) return sequences.map((_, index) => ({ items: [index], prefix: 0 }))
  const groups: { items: number[]; prefix: number }[] = []
  for (const [index, tokens] of sequences.entries()) {
    const last = groups.at(-1)
    const shared = last === undefined ? 0 : sharedWith(sequences, last, tokens)
    if (
      last !== undefined &&
      shared >= SHORTEST_PREFIX &&
      hasRoom(sequences, last, { tokens, shared, maxTokens, share })
    ) {
      last.items.push(index)
      last.prefix = shared
    } else groups.push({ items: [index], prefix: 0 })
  }
  return groups
}

/** The prefix of the group with one more sequence; 0 when that does not belong to it. */
function sharedWith(sequences: readonly Tokens[], { items, prefix }: PrefixGroup, tokens: Tokens): number {
  if (items.length === LARGEST_GROUP) return 0
  const first = sequences[items[0] ?? 0] ?? []
  // Every branch keeps a position of its own.
  const most = Math.min(...items.map((item) => sequences[item]?.length ?? 0), tokens.length) - 2
  let common = 0
  while (common < first.length && common < tokens.length && first[common] === tokens[common]) common++
  if (items.length === 1) return Math.min(common - 1, most)
  // More in common with the first than the others have is no gain.
  const shared = Math.min(common - 1, most, prefix)
  return shared < KEPT_SHARE * prefix ? 0 : shared
}

interface Addition {
  readonly tokens: Tokens
  readonly shared: number
  readonly maxTokens: number
  readonly share: SharePrefixes
}

/** Whether the group with one more sequence, and `shared` positions in common, is small enough. */
function hasRoom(sequences: readonly Tokens[], { items }: PrefixGroup, addition: Addition): boolean {
  const { tokens, shared, maxTokens, share } = addition
  const lengths = [...items.map((item) => sequences[item]?.length ?? 0), tokens.length].map((length) => length - 1)
  const size = groupSize(lengths, shared)
  const row = bucketLength(size.length)
  const places = size.sequences * row
  if (share === 'short') return places <= maxTokens
  return size.tokens <= Math.max(maxTokens, 2 * row) && places <= Math.max(SHARED_PLACES * maxTokens, 2 * row)
}

/** Of sequences of the given lengths in positions, the first `prefix` of them in common. */
export function groupSize(lengths: readonly number[], prefix: number): GroupSize {
  const tokens = lengths.reduce((sum, length) => sum + length - prefix, prefix)
  return { tokens, sequences: lengths.length, length: Math.max(...lengths) }
}
