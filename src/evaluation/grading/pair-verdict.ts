/**
 * Arena-Hard's verdicts on two answers (Li et al. 2024, arXiv 2406.11939; rules as in arena-hard-auto 2.0): five labels
 * from "A is much better" to "B is much better", a clear win counting as three votes. Pure.
 */

/** Votes of a clear win. */
const CLEAR = 3

/** For A: share of a vote, and how many votes. */
const LABELS: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['A>>B', [1, CLEAR]],
  ['B<<A', [1, CLEAR]],
  ['A>B', [1, 1]],
  ['B<A', [1, 1]],
  ['A=B', [0.5, 1]],
  ['B=A', [0.5, 1]],
  ['A<B', [0, 1]],
  ['B>A', [0, 1]],
  ['A<<B', [0, CLEAR]],
  ['B>>A', [0, CLEAR]],
])

/** The last label in double brackets, else the last in single ones; null where that is none of the ten. */
export function readPairVerdict(reply: string): string | null {
  const upper = reply.toUpperCase()
  const label = last(upper, /\[\[([AB<>=]{3,4})\]\]/g) ?? last(upper, /\[([AB<>=]{3,4})\]/g)
  return label !== null && LABELS.has(label) ? label : null
}

function last(text: string, pattern: RegExp): string | null {
  let found: string | null = null
  for (const match of text.matchAll(pattern)) found = match[1] ?? found
  return found
}

/** Votes for the answer that stood at `place`: each 0, ½ or 1. @throws {RangeError} for a text that is no label */
export function votesFor(label: string, place: 'A' | 'B'): number[] {
  const entry = LABELS.get(label)
  if (entry === undefined) throw new RangeError(`no verdict: ${label}`)
  const [share, votes] = entry
  return Array.from({ length: votes }, () => (place === 'A' ? share : 1 - share))
}
