/**
 * How sequences are put together into micro-batches. Pure; knows only lengths.
 *
 * A micro-batch is a list of tokens without padding, on which all but attention works, and rows of one length for
 * attention. So lengths are rounded up coarsely: each is a graph to compile, and only attention pays for the padding. About
 * a thousand tokens keep the activations in cache.
 */

/** What is placed as a whole: a sequence, or several with a common beginning. */
export interface GroupSize {
  /** Tokens, those of the common beginning counted once. */
  readonly tokens: number
  /** Sequences. */
  readonly sequences: number
  /** Positions of the longest of them, the beginning counted. */
  readonly length: number
}

export interface MicroBatch {
  /** Which of the groups, longest first. */
  readonly items: readonly number[]
  readonly tokens: number
  /** A row for each sequence. */
  readonly rows: number
  /** Positions of a row. */
  readonly length: number
  /** Sequences of the largest group. */
  readonly copies: number
}

/** Lengths are rounded up to a multiple of 32, those over 512 to a sixteenth of the next power of two. */
export function bucketLength(length: number): number {
  const power = 2 ** Math.ceil(Math.log2(Math.max(1, length)))
  const step = Math.max(32, power / 16)
  return Math.ceil(length / step) * step
}

/** What a place in a row costs attention, in tokens. */
const PLACE_COST = 0.25
/** What a pass costs beside, in tokens: running the graph, and reading and writing all gradients. */
const PASS_COST = 192

/**
 * Splits groups into micro-batches of at most `maxTokens` tokens and `mostPlaces` in rows; a larger group is one of its own.
 * Groups of like length are together, cut where the sum of costs is least (dynamic programming over the groups sorted by
 * length). The order of equal lengths is kept.
 */
export function planMicroBatches(sizes: readonly GroupSize[], maxTokens: number): MicroBatch[] {
  const order = sizes.map((_, index) => index).sort((a, b) => (sizes[b]?.length ?? 0) - (sizes[a]?.length ?? 0))
  const sorted = order.flatMap((index) => sizes.slice(index, index + 1))
  const cuts = cheapestCuts(sorted, maxTokens)
  const batches: MicroBatch[] = []
  for (let start = 0; start < order.length;) {
    const end = cuts[start] ?? order.length
    const groups = sorted.slice(start, end)
    batches.push({
      items: order.slice(start, end),
      tokens: sum(groups.map(({ tokens }) => tokens)),
      rows: sum(groups.map(({ sequences }) => sequences)),
      length: bucketLength(groups[0]?.length ?? 1),
      copies: Math.max(...groups.map(({ sequences }) => sequences)),
    })
    start = end
  }
  return batches
}

/** In short rows a place costs little memory, so a micro-batch has room for padding (`activationBytes` in `memory.ts`). */
export function mostPlaces(length: number, maxTokens: number): number {
  return 8 * length <= maxTokens ? 2 * maxTokens : maxTokens
}

/** For groups sorted by length: where the batch that begins with each ends, in the cheapest plan of the rest. */
function cheapestCuts(sorted: readonly GroupSize[], maxTokens: number): number[] {
  const cost = Array.from({ length: sorted.length + 1 }, () => 0)
  const cuts = sorted.map((_, start) => start + 1)
  for (let start = sorted.length - 1; start >= 0; start--) {
    cost[start] = Number.POSITIVE_INFINITY
    for (const { end, own } of batchesFrom(sorted, start, maxTokens)) {
      const total = own + (cost[end] ?? 0)
      if (total >= (cost[start] ?? 0)) continue
      cost[start] = total
      cuts[start] = end
    }
  }
  return cuts
}

/** The batches that can begin with a group: where each ends, and what it costs. */
function* batchesFrom(
  sorted: readonly GroupSize[],
  start: number,
  maxTokens: number,
): Generator<{ end: number; own: number }> {
  const length = bucketLength(sorted[start]?.length ?? 1)
  let [tokens, rows, end] = [0, 0, start]
  for (const group of sorted.slice(start, start + maxTokens)) {
    tokens += group.tokens
    rows += group.sequences
    end++
    if (end > start + 1 && (tokens > maxTokens || rows * length > mostPlaces(length, maxTokens))) return
    yield { end, own: tokens + PLACE_COST * rows * length + PASS_COST }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
