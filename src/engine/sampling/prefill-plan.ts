/** Which waiting prompts to compute together. Pure. */
import { findSharedPrefix } from './prefix.ts'

export interface WaitingPrompt {
  promptTokens: readonly number[]
  /** Answers, each of which needs a row. */
  samples: number
}

/** Enough tokens to keep the matrix products busy; more only costs memory. */
const TOKEN_BUDGET = 1024
/** Prompts of one pass are padded to the longest; this share of the padded tokens must be real. */
const MIN_FILL = 0.8

/**
 * How many prompts from the head of the queue to run in one pass: at least one; more as long as all their answers find
 * a row, the padded tokens stay within the budget, not too many of them are padding, and none could reuse the
 * beginning of an earlier one.
 * @param free rows not in use
 */
export function planPrefill(waiting: readonly WaitingPrompt[], free: number): number {
  const batch: (readonly number[])[] = []
  let longest = 0
  let real = 0
  let answers = 0
  for (const { promptTokens, samples } of waiting) {
    longest = Math.max(longest, promptTokens.length)
    real += promptTokens.length
    answers += samples
    const padded = longest * (batch.length + 1)
    const fits = answers <= free && padded <= TOKEN_BUDGET && real >= MIN_FILL * padded
    if (batch.length > 0 && (!fits || findSharedPrefix(promptTokens, batch) !== undefined)) break
    batch.push(promptTokens)
  }
  return batch.length
}
