/**
 * Something that holds trainable weights, wherever they are. It knows weighted log-likelihood and nothing of
 * objectives: ∇L = Σₜ (∂L/∂log pₜ)·∇log pₜ, so an objective needs only the weight of each token's log-probability.
 */
import type { AdamWSettings } from '../engine/index.ts'
import type { LanguageModel } from '../records/index.ts'

export type { AdamWSettings } from '../engine/index.ts'

/** Token ids of a prompt and what follows it. */
export type TokenSequence = ArrayLike<number>

export interface TrainableModel {
  /** The longest sequence that it takes, in tokens; absent when it does not say. */
  readonly contextLength?: number
  /** False where sampling and training share one copy of the weights in a way that older samples would overwrite newer weights. */
  readonly samplesWhileTraining?: boolean
  /**
   * Log-probabilities (nats) of tokens 2 … n of each sequence, given those before them. `keep` says that `accumulate` of the
   * same sequences follows, before any other weights: what was computed may be kept for it.
   */
  logprobs(sequences: readonly TokenSequence[], options?: { readonly keep?: boolean }): Promise<Float32Array[]>
  /** Adds the gradient of −Σ wₜ·log pₜ; `weights` has one value per predicted token (n − 1 per sequence). */
  accumulate(sequences: readonly TokenSequence[], weights: readonly Float32Array[]): Promise<void>
  /** One AdamW update, which clears the gradient. `gradNorm`: global L2 norm before clipping. */
  step(adam: AdamWSettings): Promise<{ gradNorm: number }>
  /** Writes a model folder in the Hugging Face layout, whole or not at all. */
  save(dir: string): Promise<void>
  /** The weights as they are now, to sample from. */
  publish(): Promise<LanguageModel>
}
