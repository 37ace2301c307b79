/** What the sampler needs of a model: rows of a key-value cache and next-token distributions. Knows no architecture. */

/** Next-token distributions of several rows, row-major [rows, vocabSize]. */
export interface Distributions {
  /** Log-probabilities at temperature 1, nats. */
  logprobs: Float32Array
  /** Probabilities at each row's own temperature. */
  probabilities: Float32Array
}

/** A copy of one row's keys and values, to be put into other rows later. */
export interface RowSnapshot {
  readonly length: number
  readonly parts: readonly Float32Array[]
}

/** Rows are numbered from 0; the rows in use are always 0 … n − 1. */
export interface TokenModel {
  readonly vocabSize: number
  /** The longest sequence the model can take, prompt and answer together. */
  readonly contextLength: number
  /** Of a token's keys and values in the cache. */
  readonly bytesPerToken: number
  /** How many rows of `capacity` tokens the memory for the cache has room for, at least one. */
  maxRows(capacity: number): number
  /** Makes room for `rows` rows of `capacity` tokens; `lengths` are the tokens that the rows in use hold and keep. */
  reserve(rows: number, capacity: number, lengths: readonly number[]): void
  /** Runs prompts on empty rows `firstRow`, `firstRow + 1`, …; the distributions follow each prompt's last token. */
  prefill(firstRow: number, prompts: readonly Int32Array[], temperatures: readonly number[]): Promise<Distributions>
  /** Goes on with a prompt of which row `row` holds the first `length` tokens; `rest` is not empty. */
  extend(row: number, length: number, rest: Int32Array, temperature: number): Promise<Distributions>
  /** Appends one token to each of the rows 0 … tokens.length − 1, which hold `lengths` tokens before the call. */
  decode(tokens: readonly number[], lengths: readonly number[], temperatures: readonly number[]): Promise<Distributions>
  copyRow(from: number, to: number, length: number): void
  snapshotRow(row: number, length: number): RowSnapshot
  /** Writes the first `length` tokens of a copy, by default all, into a row. */
  restoreRow(snapshot: RowSnapshot, row: number, length?: number): void
}
