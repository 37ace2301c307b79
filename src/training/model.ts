/**
 * Something that holds trainable weights, wherever they are. It knows weighted log-likelihood and nothing of
 * objectives: ∇L = Σₜ (∂L/∂log pₜ)·∇log pₜ, so an objective needs only the weight of each token's log-probability.
 */
import type { LanguageModel } from '../records/index.ts'

/** Token ids of a prompt and what follows it. */
export type TokenSequence = ArrayLike<number>

export interface AdamWSettings {
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly eps: number
  /** Decoupled; norms and biases do not decay. */
  readonly weightDecay: number
  /** Gradients are scaled down to this global L2 norm; 0 = off. */
  readonly maxGradNorm: number
}

export interface TrainableModel {
  /** Log-probabilities (nats) of tokens 2 … n of each sequence, given those before them. */
  logprobs(sequences: readonly TokenSequence[]): Promise<Float32Array[]>
  /** Adds the gradient of −Σ wₜ·log pₜ; `weights` has one value per predicted token (n − 1 per sequence). */
  accumulate(sequences: readonly TokenSequence[], weights: readonly Float32Array[]): Promise<void>
  /** One AdamW update, which clears the gradient. `gradNorm`: global L2 norm before clipping. */
  step(adam: AdamWSettings): Promise<{ gradNorm: number }>
  /** Writes a model folder in the Hugging Face layout, whole or not at all. */
  save(dir: string): Promise<void>
  /** The weights as they are now, to sample from. */
  publish(): Promise<LanguageModel>
}
