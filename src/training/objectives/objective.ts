/**
 * What an objective is: a pure function from log-probabilities to a loss and the weight of every token. Pairs are
 * groups of two; group objectives (GRPO and its relatives) see more completions, each with a reward. Knows no model.
 */

/** One completion under the policy that is trained. All arrays have one entry per completion token, nats. */
export interface ScoredCompletion {
  readonly logprobs: ArrayLike<number>
  /** Under the reference policy; absent when the objective needs none. */
  readonly reference?: ArrayLike<number>
  /** Under the policy that sampled it, for importance ratios. */
  readonly behaviour?: ArrayLike<number>
  readonly reward?: number
}

/** Completions of one prompt. A preference pair is [chosen, rejected]. */
export interface Group {
  readonly completions: readonly ScoredCompletion[]
}

export interface ObjectiveResult<Metric extends string = string> {
  /** The batch's loss. */
  readonly loss: number
  /** wₜ = −∂loss/∂log pₜ, by group, completion and token. */
  readonly weights: readonly (readonly Float32Array[])[]
  /** Means over the batch. */
  readonly metrics: Readonly<Record<Metric, number>>
}

export interface Objective<Metric extends string = string> {
  readonly needsReference: boolean
  /** @param groups the whole batch of one optimizer step: means run over all of it */
  evaluate(groups: readonly Group[]): ObjectiveResult<Metric>
}
