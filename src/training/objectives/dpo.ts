/**
 * Direct Preference Optimization (Rafailov et al. 2023, arXiv 2305.18290, eq. 7), with the optional likelihood term on
 * the chosen answer of Iterative RPO (Pang et al. 2024, arXiv 2404.19733). As TRL's `loss_type: ["sigmoid", "sft"]`.
 *
 * With S the sum of a completion's log-probs and R that of the reference, over a batch of P pairs:
 *   z = β[(S_chosen − R_chosen) − (S_rejected − R_rejected)],  L = (1/P) Σ −log σ(z) + nll · L_nll
 * where L_nll is the mean of −log p over all chosen tokens of the batch (over tokens, not over pairs). So
 *   wₜ = +β·σ(−z)/P + nll/T on chosen tokens (T of them in the batch), −β·σ(−z)/P on rejected ones.
 */
import type { Group, ObjectiveResult, ScoredCompletion } from './objective.ts'

export interface DpoSettings {
  readonly beta: number
  /** Weight of the likelihood term on the chosen; 0 = plain DPO. */
  readonly nll: number
}

/** Log-probs are sums over completion tokens, averaged over pairs; the margin is the mean of z. */
export type PreferenceMetric = 'chosenLogprob' | 'rejectedLogprob' | 'margin' | 'accuracy'

interface Pair {
  readonly chosen: ScoredCompletion
  readonly rejected: ScoredCompletion
  readonly chosenLogprob: number
  readonly rejectedLogprob: number
  readonly margin: number
}

/** @throws RangeError when a group is not a pair, or its reference log-probs are missing or of another length */
export function dpo(groups: readonly Group[], { beta, nll }: DpoSettings): ObjectiveResult<PreferenceMetric> {
  const pairs = groups.map((group) => readPair(group, beta))
  const chosenTokens = pairs.reduce((count, { chosen }) => count + chosen.logprobs.length, 0)
  const chosenSum = pairs.reduce((sum, { chosenLogprob }) => sum + chosenLogprob, 0)
  const nllWeight = nll === 0 ? 0 : nll / chosenTokens
  const preferenceLoss = mean(pairs.map(({ margin }) => softplus(-margin)))
  return {
    loss: nll === 0 ? preferenceLoss : preferenceLoss - nllWeight * chosenSum,
    weights: pairs.map(({ chosen, rejected, margin }) => {
      const weight = (beta * sigmoid(-margin)) / pairs.length
      return [filled(chosen, weight + nllWeight), filled(rejected, -weight)]
    }),
    metrics: {
      chosenLogprob: mean(pairs.map(({ chosenLogprob }) => chosenLogprob)),
      rejectedLogprob: mean(pairs.map(({ rejectedLogprob }) => rejectedLogprob)),
      margin: mean(pairs.map(({ margin }) => margin)),
      accuracy: mean(pairs.map(({ margin }) => (margin > 0 ? 1 : 0))),
    },
  }
}

function readPair({ completions }: Group, beta: number): Pair {
  const [chosen, rejected] = completions
  if (chosen === undefined || rejected === undefined || completions.length !== 2) {
    throw new RangeError(`dpo: a group must be [chosen, rejected], not ${completions.length} completions`)
  }
  const chosenLogprob = sum(chosen.logprobs)
  const rejectedLogprob = sum(rejected.logprobs)
  const margin = beta * (chosenLogprob - referenceSum(chosen) - (rejectedLogprob - referenceSum(rejected)))
  return { chosen, rejected, chosenLogprob, rejectedLogprob, margin }
}

function referenceSum({ logprobs, reference }: ScoredCompletion): number {
  if (reference === undefined || reference.length !== logprobs.length) {
    throw new RangeError(
      `dpo: ${logprobs.length} log-probs need as many of the reference, not ${reference?.length ?? 0}`,
    )
  }
  return sum(reference)
}

/** log(1 + eˣ) without overflow, and exact to rounding for very negative x. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
}

/** 1 / (1 + e⁻ˣ) without overflow. */
export function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x))
  return x >= 0 ? 1 / (1 + e) : e / (1 + e)
}

function filled(completion: ScoredCompletion, value: number): Float32Array {
  return new Float32Array(completion.logprobs.length).fill(value)
}

function sum(values: ArrayLike<number>): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i] ?? 0
  return total
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length
}
