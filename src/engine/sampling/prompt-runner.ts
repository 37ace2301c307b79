/** Computes prompts into rows of the cache: several together, from where they differ from another one, in pieces. */
import { PrefixCache } from './prefix-cache.ts'
import { findSharedPrefix } from './prefix.ts'
import type { SharedPrefix } from './prefix.ts'
import type { Distributions, TokenModel } from './token-model.ts'

/** A prompt is computed in pieces of so many tokens. */
const CHUNK_TOKENS = 1024

export interface PromptCounts {
  /** Prompt tokens of the requests served, those reused included. */
  promptTokens: number
  /** Prompt tokens that were taken over from another prompt with the same beginning. */
  reusedTokens: number
  prefillPasses: number
}

export interface Prompt {
  readonly promptTokens: readonly number[]
  readonly temperature: number
}

/** What the first rows of the cache hold, in their order. */
type RowPrompts = readonly (readonly number[])[]

export class PromptRunner {
  private readonly model: TokenModel
  private readonly counts: PromptCounts
  private readonly batchInvariant: boolean
  private readonly kept = new PrefixCache()

  /** @param counts what is done is added to them */
  constructor(model: TokenModel, counts: PromptCounts, batchInvariant: boolean) {
    this.model = model
    this.counts = counts
    this.batchInvariant = batchInvariant
  }

  /** The longest beginning of a prompt that is there: in a row in progress, or kept. */
  sharedBy(prompt: readonly number[], rows: RowPrompts): SharedPrefix | undefined {
    // What another prompt computed may differ in its last bits.
    return this.batchInvariant ? undefined : findSharedPrefix(prompt, [...rows, ...this.kept.prompts])
  }

  /**
   * Runs prompts on the rows that follow `rows`, and gives the distribution after each. With `shared`, or when the first
   * one is longer than a piece, there is only one.
   */
  async run(prompts: readonly Prompt[], rows: RowPrompts, shared: SharedPrefix | undefined): Promise<Distributions> {
    const tokens = prompts.map(({ promptTokens }) => Int32Array.from(promptTokens))
    const temperatures = prompts.map(({ temperature }) => temperature)
    this.counts.prefillPasses++
    this.counts.promptTokens += tokens.reduce((sum, prompt) => sum + prompt.length, 0)
    const [first = Int32Array.of()] = tokens
    if (shared === undefined && first.length <= CHUNK_TOKENS) {
      return this.model.prefill(rows.length, tokens, temperatures)
    }
    if (shared !== undefined) this.counts.reusedTokens += shared.length
    const done = this.takeOver(shared, rows)
    return this.runPieces(rows.length, first, { done, temperature: temperatures[0] ?? 1 })
  }

  /**
   * Computes a prompt and the tokens of its answer so far again, on the row that follows `rows`. Where no bit may differ
   * the answer's tokens go one by one, as they went before.
   */
  async resume(prompt: Prompt, answer: readonly number[], rows: RowPrompts): Promise<void> {
    const { promptTokens, temperature } = prompt
    const row = rows.length
    this.counts.prefillPasses++
    if (!this.batchInvariant) {
      const done = this.takeOver(this.sharedBy(promptTokens, rows), rows)
      await this.runPieces(row, Int32Array.of(...promptTokens, ...answer), { done, temperature })
      return
    }
    await this.runPieces(row, Int32Array.from(promptTokens), { done: 0, temperature })
    for (const [i, token] of answer.entries()) {
      await this.model.extend(row, promptTokens.length + i, Int32Array.of(token), temperature)
    }
  }

  /** Keeps what a row holds of a prompt, for later ones that begin alike. */
  keep(prompt: readonly number[], row: number): void {
    this.kept.keep(prompt, this.model.bytesPerToken, (length) => this.model.snapshotRow(row, length))
  }

  /** Forgets what earlier prompts computed. */
  clear(): void {
    this.kept.clear()
  }

  /** Puts a shared beginning into the row that follows `rows`; how many tokens that were. */
  private takeOver(shared: SharedPrefix | undefined, rows: RowPrompts): number {
    if (shared === undefined) return 0
    const { source, length } = shared
    const kept = source - rows.length
    if (kept < 0) this.model.copyRow(source, rows.length, length)
    else this.model.restoreRow(this.kept.use(kept), rows.length, length)
    return length
  }

  /** The rest of one prompt in pieces, so that a long one takes no more memory than a short one. */
  private async runPieces(
    row: number,
    prompt: Int32Array,
    { done, temperature }: { done: number; temperature: number },
  ): Promise<Distributions> {
    for (let start = done; ; start += CHUNK_TOKENS) {
      const piece = prompt.subarray(start, start + CHUNK_TOKENS)
      const last = start + piece.length >= prompt.length
      const run =
        start === 0
          ? this.model.prefill(row, [piece], [temperature])
          : this.model.extend(row, start, piece, temperature)
      const distributions = await run
      if (last) return distributions
    }
  }
}
