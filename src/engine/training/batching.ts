/**
 * How sequences are put together into padded micro-batches. Pure; knows only lengths.
 *
 * Sequences of like length share a batch, and lengths are rounded up to a bucket, so that little is padding and few
 * shapes exist (each shape is a compiled graph). About a thousand tokens per micro-batch keep the activations in cache.
 */

/** What takes one row: a sequence, or several with a common beginning. Lengths are in positions. */
export interface RowSize {
  /** Positions of the common beginning; 0 for a single sequence. */
  readonly prefix: number
  /** Sequences that go on from it. */
  readonly branches: number
  /** Positions of the longest of them, the beginning not counted. */
  readonly length: number
}

export interface MicroBatch extends RowSize {
  readonly rows: number
  /** Which of the sizes, in order of the rows. */
  readonly items: readonly number[]
}

/** Positions of a row, padding included. */
export function rowPositions({ prefix, branches, length }: RowSize): number {
  return prefix + branches * length
}

/** Lengths are rounded up to a sixteenth of the next power of two, at least to a multiple of 16. */
export function bucketLength(length: number): number {
  const power = 2 ** Math.ceil(Math.log2(Math.max(1, length)))
  const step = Math.max(16, power / 16)
  return Math.ceil(length / step) * step
}

/** What a pass costs beside its positions, in positions: running the graph, and reading and writing all gradients. */
const PASS_COST = 64

/**
 * Splits rows of the given sizes into micro-batches of at most `maxTokens` positions, padding included; a longer row is a
 * batch of its own. Rows of as many branches are together, longest first, cut where the sum of positions and passes is
 * least (dynamic programming over the sorted sizes). The order of equal sizes is kept.
 */
export function planMicroBatches(sizes: readonly RowSize[], maxTokens: number): MicroBatch[] {
  const byBranches = new Map<number, number[]>()
  for (const [index, { branches }] of sizes.entries()) {
    byBranches.set(branches, [...(byBranches.get(branches) ?? []), index])
  }
  return [...byBranches.values()].flatMap((indices) => planAlike(sizes, indices, maxTokens))
}

function planAlike(sizes: readonly RowSize[], indices: readonly number[], maxTokens: number): MicroBatch[] {
  const sizeOf = (index: number): RowSize => sizes[index] ?? { prefix: 0, branches: 1, length: 1 }
  const order = indices.toSorted((a, b) => rowPositions(sizeOf(b)) - rowPositions(sizeOf(a)))
  const padded = order.map((index) => {
    const { prefix, branches, length } = sizeOf(index)
    return { prefix: prefix === 0 ? 0 : bucketLength(prefix), branches, length: bucketLength(length) }
  })
  const cuts = cheapestCuts(padded, maxTokens)
  const batches: MicroBatch[] = []
  for (let start = 0; start < order.length;) {
    const end = cuts[start] ?? order.length
    const shape = padded.slice(start, end).reduce(larger)
    batches.push({ ...shape, rows: end - start, items: order.slice(start, end) })
    start = end
  }
  return batches
}

/** The smallest size that holds both. */
function larger(a: RowSize, b: RowSize): RowSize {
  return { ...a, prefix: Math.max(a.prefix, b.prefix), length: Math.max(a.length, b.length) }
}

/** For sorted sizes: where the batch that begins at each position ends, in the cheapest plan of the rest. */
function cheapestCuts(padded: readonly RowSize[], maxTokens: number): number[] {
  const cost = Array.from({ length: padded.length + 1 }, () => 0)
  const cuts = padded.map((_, start) => start + 1)
  for (let start = padded.length - 1; start >= 0; start--) {
    cost[start] = Number.POSITIVE_INFINITY
    let shape = padded[start]
    for (let end = start + 1; end <= padded.length && shape !== undefined; end++) {
      const positions = (end - start) * rowPositions(shape)
      if (end > start + 1 && positions > maxTokens) break
      const total = positions + PASS_COST + (cost[end] ?? 0)
      if (total < (cost[start] ?? 0)) {
        cost[start] = total
        cuts[start] = end
      }
      const next = padded[end]
      shape = next === undefined ? undefined : larger(shape, next)
    }
  }
  return cuts
}
