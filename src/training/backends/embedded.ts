/** The built-in engine as a trainable model: sampling and training share one copy of the weights. */
import type { AdamWSettings, TokenSequence, TrainableModel } from '../model.ts'
import type { Engine, EngineOptions, TrainingUse } from '../../engine/index.ts'
import type { LanguageModel, TrainingConfig } from '../../records/index.ts'

export type TrainingEngine = Pick<Engine, 'config' | 'logprobs' | 'accumulate' | 'step' | 'save'>

export class EmbeddedTrainableModel implements TrainableModel {
  readonly contextLength: number
  /** One copy of the weights: an answer begun before a step could end after it. */
  readonly samplesWhileTraining = false
  private readonly engine: TrainingEngine
  private readonly publisher: () => Promise<LanguageModel>

  /** @param publisher makes a chat model of the same engine; given by who wires the rooms together */
  constructor(engine: TrainingEngine, publisher: () => Promise<LanguageModel>) {
    this.engine = engine
    this.publisher = publisher
    this.contextLength = engine.config.maxPositions
  }

  logprobs(sequences: readonly TokenSequence[], options?: { readonly keep?: boolean }): Promise<Float32Array[]> {
    return this.engine.logprobs(sequences, options)
  }

  async accumulate(sequences: readonly TokenSequence[], weights: readonly Float32Array[]): Promise<void> {
    await this.engine.accumulate(sequences, weights)
  }

  step(adam: AdamWSettings): Promise<{ gradNorm: number }> {
    return this.engine.step(adam)
  }

  save(dir: string): Promise<void> {
    return this.engine.save(dir)
  }

  publish(): Promise<LanguageModel> {
    return this.publisher()
  }
}

/** How an engine must be opened to train as `config` says. `seed` is that of fresh adapters. */
export function trainingEngineOptions(config: TrainingConfig, seed: number): EngineOptions {
  const { device, lora, maxLength, recompute, sharePrompts, threads } = config
  return {
    lora,
    trains: { maxLength },
    seed,
    ...(threads === undefined ? {} : { threads }),
    ...(device === undefined ? {} : { device }),
    ...(recompute === undefined ? {} : { recompute }),
    sharePrefixes: sharePrompts ?? 'short',
  }
}

/** What its memory follows from. */
export function trainingUse({ lora, maxLength, recompute = 'auto', sharePrompts }: TrainingConfig): TrainingUse {
  return { loraRank: lora === false ? 0 : lora.rank, maxLength, recompute, sharePrefixes: sharePrompts ?? 'short' }
}
