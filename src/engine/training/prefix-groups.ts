/**
 * Which sequences begin alike, so that their common beginning is computed once: the two answers of a preference pair, the
 * candidates of one prompt. Pure; knows only token ids.
 */

import { bucketLength, rowPositions } from './batching.ts'

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
 * Every sequence of two tokens or more is in one group; those that share nothing are alone, with prefix 0. A group of more
 * than two takes at most `maxTokens` positions, padding included, or what two sequences as long as its longest would take
 * apart: memory is predicted for no more.
 */
export function prefixGroups(sequences: readonly Tokens[], maxTokens: number): PrefixGroup[] {
  const groups: { items: number[]; prefix: number }[] = []
  for (const [index, tokens] of sequences.entries()) {
    const last = groups.at(-1)
    const shared = last === undefined ? 0 : sharedWith(sequences, last, tokens)
    if (last !== undefined && shared >= SHORTEST_PREFIX && hasRoom(sequences, last, { tokens, shared, maxTokens })) {
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
  const shared = Math.min(common - 1, most)
  return items.length > 1 && shared < KEPT_SHARE * prefix ? 0 : shared
}

/** Whether one more sequence, with `shared` positions in common, leaves the row short enough. A second one always does. */
function hasRoom(
  sequences: readonly Tokens[],
  { items }: PrefixGroup,
  { tokens, shared, maxTokens }: { tokens: Tokens; shared: number; maxTokens: number },
): boolean {
  if (items.length === 1) return true
  const longest = Math.max(...items.map((item) => sequences[item]?.length ?? 0), tokens.length)
  const length = bucketLength(longest - 1 - shared)
  const positions = rowPositions({ prefix: bucketLength(shared), branches: items.length + 1, length })
  return positions <= Math.max(maxTokens, 2 * longest)
}
