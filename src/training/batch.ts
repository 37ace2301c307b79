/**
 * Between groups of completions, which objectives see, and flat lists of sequences, which models see. Pure.
 * An objective's arrays have one entry per completion token; a model's one per predicted token, tokens 2 … n.
 */
import type { Group, ObjectiveResult } from './objectives/index.ts'

/** A prompt with one completion. */
export interface TokenizedCompletion {
  /** Prompt ids followed by completion ids. */
  readonly tokens: ArrayLike<number>
  readonly promptLength: number
  /** Of a rollout: log-probs of its completion tokens under the policy that sampled them, and what it was worth. */
  readonly behaviour?: ArrayLike<number>
  readonly reward?: number
}

/** Completions of one prompt that an objective weighs against each other. */
export interface TrainingGroup {
  readonly completions: readonly TokenizedCompletion[]
}

/**
 * Each pair with the two answers of the next pair put under its own prompt, cut to `maxLength`: what KTO estimates the
 * policy's drift from (as TRL, within the data's order).
 */
export function withOthers(groups: readonly TrainingGroup[], maxLength: number): TrainingGroup[] {
  return groups.map((group, i) => {
    const [first] = group.completions
    const next = groups[(i + 1) % groups.length]
    if (first === undefined || next === undefined) return group
    const prompt = Array.from(first.tokens).slice(0, first.promptLength)
    const others = next.completions.map(({ tokens, promptLength }) => ({
      tokens: [...prompt, ...Array.from(tokens).slice(promptLength)].slice(0, maxLength),
      promptLength: prompt.length,
    }))
    return { completions: [...group.completions, ...others] }
  })
}

/** The completions of all groups, in order. */
export function flatten(groups: readonly TrainingGroup[]): TokenizedCompletion[] {
  return groups.flatMap(({ completions }) => completions)
}

/** The completion tokens' part of a sequence's log-probs. The very first token of a sequence has none. */
export function completionPart(completion: TokenizedCompletion, logprobs: Float32Array): Float32Array {
  return logprobs.subarray(Math.max(completion.promptLength, 1) - 1)
}

/** What the objective sees. `policy` and `reference` hold one array per completion, in the order of `flatten`. */
export function scoredGroups(
  groups: readonly TrainingGroup[],
  policy: readonly Float32Array[],
  reference: readonly Float32Array[] | undefined,
): Group[] {
  let next = 0
  return groups.map(({ completions }) => ({
    completions: completions.map(({ behaviour, reward }) => {
      const index = next++
      const logprobs = policy[index] ?? new Float32Array()
      const known = reference?.[index]
      return {
        logprobs,
        ...(known === undefined ? {} : { reference: known }),
        ...(behaviour === undefined ? {} : { behaviour }),
        ...(reward === undefined ? {} : { reward }),
      }
    }),
  }))
}

/** The objective's weights, with 0 on the prompt: one array per sequence, one entry per predicted token. */
export function sequenceWeights(
  completions: readonly TokenizedCompletion[],
  weights: ObjectiveResult['weights'],
): Float32Array[] {
  const flat = weights.flat()
  return completions.map(({ tokens, promptLength }, index) => {
    const padded = new Float32Array(Math.max(0, tokens.length - 1))
    padded.set(flat[index] ?? [], Math.max(promptLength, 1) - 1)
    return padded
  })
}
