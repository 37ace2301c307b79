/** Prompts that begin alike need their common beginning computed only once. Pure. */

/** Below this many tokens, or this share of the prompt, computing again is as fast as taking apart. */
export const MIN_SHARED = 32
const MIN_SHARE = 0.4

export interface SharedPrefix {
  /** Index into the candidates. */
  source: number
  /** Tokens in common. */
  length: number
}

/**
 * The candidate that shares the longest worthwhile beginning with `prompt`. The last token of `prompt` is never part
 * of it: it has to be computed, because the answer begins with its distribution.
 */
export function findSharedPrefix(
  prompt: readonly number[],
  candidates: readonly (readonly number[])[],
): SharedPrefix | undefined {
  let best: SharedPrefix | undefined
  for (const [source, candidate] of candidates.entries()) {
    const length = commonLength(prompt, candidate)
    if (length > (best?.length ?? 0)) best = { source, length }
  }
  if (best === undefined || best.length < MIN_SHARED || best.length < MIN_SHARE * prompt.length) return undefined
  return best
}

/** How many tokens the two have in common, the last one of `prompt` never counted. */
export function commonLength(prompt: readonly number[], other: readonly number[]): number {
  const limit = Math.min(prompt.length - 1, other.length)
  let length = 0
  while (length < limit && prompt[length] === other[length]) length++
  return length
}
