/**
 * How sequences are put together into padded micro-batches. Pure; knows only lengths.
 *
 * Sequences of like length share a batch, and lengths are rounded up to a bucket, so that little is padding and few
 * shapes exist (each shape is a compiled graph). About a thousand tokens per micro-batch keep the activations in cache.
 */

export interface MicroBatch {
  /** Rows, some of which may be empty when the batch was not filled. */
  readonly rows: number
  /** Positions per row. */
  readonly length: number
  /** Which sequences, in order of the rows. */
  readonly items: readonly number[]
}

/** Lengths are rounded up to a sixteenth of the next power of two, at least to a multiple of 16. */
export function bucketLength(length: number): number {
  const power = 2 ** Math.ceil(Math.log2(Math.max(1, length)))
  const step = Math.max(16, power / 16)
  return Math.ceil(length / step) * step
}

/**
 * Splits sequences of the given lengths (positions, ≥ 1) into micro-batches of at most `maxTokens` positions, padding
 * included; a longer sequence is a batch of its own. Longest first. The order of equal lengths is kept.
 */
export function planMicroBatches(lengths: readonly number[], maxTokens: number): MicroBatch[] {
  const order = lengths.map((_, index) => index).sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0))
  const batches: MicroBatch[] = []
  for (let start = 0; start < order.length;) {
    const length = bucketLength(lengths[order[start] ?? 0] ?? 1)
    const rows = Math.max(1, Math.floor(maxTokens / length))
    const items = order.slice(start, start + rows)
    batches.push({ rows: items.length, length, items })
    start += items.length
  }
  return batches
}
