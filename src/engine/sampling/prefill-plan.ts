/** Which waiting prompts to compute together. Pure. */

export interface WaitingPrompt {
  /** Tokens. */
  length: number
  /** Answers, each of which needs a row. */
  samples: number
}

/** Enough tokens to keep the matrix products busy; more only costs memory. */
const TOKEN_BUDGET = 1024
/** Prompts of one pass are padded to the longest; this share of the padded tokens must be real. */
const MIN_FILL = 0.8

/**
 * How many prompts from the head of the queue to run in one pass: at least one; more as long as all their answers find
 * a row, the padded tokens stay within the budget and not too many of them are padding.
 * @param free rows not in use
 */
export function planPrefill(waiting: readonly WaitingPrompt[], free: number): number {
  let longest = 0
  let real = 0
  let answers = 0
  let count = 0
  for (const { length, samples } of waiting) {
    longest = Math.max(longest, length)
    real += length
    answers += samples
    const padded = longest * (count + 1)
    const fits = answers <= free && padded <= TOKEN_BUDGET && real >= MIN_FILL * padded
    if (!fits && count > 0) return count
    count++
  }
  return count
}
