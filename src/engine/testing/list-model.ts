/** A model whose cache is a list of tokens per row and whose next token depends on all of them. For tests of the sampler. */
import type { Distributions, RowSnapshot, TokenModel } from '../sampling/token-model.ts'

const VOCABULARY = 12

/** Log-probabilities of the token after `tokens`, any function of all of them: here a hash's. */
export function nextLogprobs(tokens: readonly number[]): Float32Array {
  let hash = 17
  for (const token of tokens) hash = Math.imul(hash ^ (token + 31), 0x9e3779b1) >>> 0
  const logits = Array.from({ length: VOCABULARY }, (_, i) => {
    const mixed = Math.imul(hash ^ Math.imul(i + 1, 0x85ebca6b), 0xc2b2ae35) >>> 0
    return (3 * mixed) / 2 ** 32
  })
  const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0)
  return Float32Array.from(logits, (logit) => logit - Math.log(sum))
}

export function tempered(logprobs: Float32Array, temperature: number): Float32Array {
  const scaled = logprobs.map((value) => Math.exp(value / (temperature === 0 ? 1 : temperature)))
  const sum = scaled.reduce((total, value) => total + value, 0)
  return scaled.map((value) => value / sum)
}

export class ListModel implements TokenModel {
  readonly vocabSize = VOCABULARY
  readonly contextLength: number
  readonly bytesPerToken = 4
  rows: number[][] = []
  capacity = 0
  largestBatch = 0
  private readonly cacheTokens: number
  private failure: Error | undefined

  /** @param cacheTokens room in all rows together */
  constructor(contextLength = 64, cacheTokens = 300) {
    this.contextLength = contextLength
    this.cacheTokens = cacheTokens
  }

  failWith(error: Error): void {
    this.failure = error
  }

  maxRows(capacity: number): number {
    return Math.max(1, Math.floor(this.cacheTokens / capacity))
  }

  reserve(rows: number, capacity: number, lengths: readonly number[]): void {
    if (rows > this.maxRows(capacity)) throw new Error(`no room for ${rows} rows of ${capacity} tokens`)
    if (rows <= this.rows.length && capacity <= this.capacity) return
    const kept = lengths.map((length, row) => this.row(row).slice(0, length))
    for (const [row, length] of lengths.entries()) {
      if ((kept[row]?.length ?? 0) < length) throw new Error(`row ${row} holds less than ${length} tokens`)
      if (length > capacity) throw new Error(`row ${row} holds ${length} tokens and is to have room for ${capacity}`)
    }
    this.rows = Array.from({ length: rows }, (_, row) => kept[row] ?? [])
    this.capacity = capacity
  }

  prefill(firstRow: number, prompts: readonly Int32Array[], temperatures: readonly number[]): Promise<Distributions> {
    for (const [i, prompt] of prompts.entries()) this.write(firstRow + i, [...prompt])
    return this.distributions(firstRow, prompts.length, temperatures)
  }

  extend(row: number, length: number, rest: Int32Array, temperature: number): Promise<Distributions> {
    this.write(row, [...this.row(row).slice(0, length), ...rest])
    return this.distributions(row, 1, [temperature])
  }

  decode(
    tokens: readonly number[],
    lengths: readonly number[],
    temperatures: readonly number[],
  ): Promise<Distributions> {
    this.largestBatch = Math.max(this.largestBatch, tokens.length)
    for (const [row, token] of tokens.entries()) this.write(row, [...this.row(row).slice(0, lengths[row]), token])
    return this.distributions(0, tokens.length, temperatures)
  }

  copyRow(from: number, to: number, length: number): void {
    this.write(to, this.row(from).slice(0, length))
  }

  snapshotRow(row: number, length: number): RowSnapshot {
    return { length, parts: [Float32Array.from(this.row(row).slice(0, length))] }
  }

  restoreRow(snapshot: RowSnapshot, row: number, length = snapshot.length): void {
    this.write(row, [...(snapshot.parts[0] ?? [])].slice(0, length))
  }

  private row(index: number): number[] {
    const row = this.rows[index]
    if (row === undefined) throw new Error(`row ${index} was not reserved`)
    return row
  }

  private write(index: number, tokens: number[]): void {
    this.row(index)
    if (tokens.length > this.capacity) throw new Error(`${tokens.length} tokens in rows of ${this.capacity}`)
    this.rows[index] = tokens
  }

  private distributions(first: number, count: number, temperatures: readonly number[]): Promise<Distributions> {
    if (this.failure !== undefined) return Promise.reject(this.failure)
    const logprobs = new Float32Array(count * VOCABULARY)
    const probabilities = new Float32Array(count * VOCABULARY)
    for (let i = 0; i < count; i++) {
      const row = nextLogprobs(this.row(first + i))
      logprobs.set(row, i * VOCABULARY)
      probabilities.set(tempered(row, temperatures[i] ?? 1), i * VOCABULARY)
    }
    return Promise.resolve({ logprobs, probabilities })
  }
}
