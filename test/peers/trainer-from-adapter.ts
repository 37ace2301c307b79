/**
 * The embedded trainer with the adapters of a PEFT folder, as a trainable model: to start where another engine starts. For tests.
 *
 * SkyRL's JAX models compute q, k and v in one layer, and gate and up in another, with one LoRA A for all parts of a layer. `sharedA`
 * ties them here: each copy gets the sum of their gradients, so that Adam, which knows only elements, keeps them equal.
 */
import { join } from 'node:path'
import { readModelFiles } from '../../src/engine/formats/model-folder.ts'
import { SafetensorsReader } from '../../src/engine/formats/safetensors-reader.ts'
import { parseModelConfig } from '../../src/engine/models/config.ts'
import { Trainer } from '../../src/engine/training/trainer.ts'
import { loadWeights } from '../../src/engine/worker/load-weights.ts'
import type { AdamWSettings, TokenSequence, TrainableModel } from '../../src/training/index.ts'

const layers = [
  ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
  ['mlp.gate_proj', 'mlp.up_proj'],
]

export class TrainerFromAdapter implements TrainableModel {
  readonly trainer: Trainer
  private readonly sharedA: boolean
  readonly contextLength: number

  constructor(modelDir: string, adapterDir: string, options: { rank: number; alpha: number; sharedA: boolean }) {
    const config = parseModelConfig(readModelFiles(modelDir).config)
    const { rank, alpha, sharedA } = options
    this.contextLength = config.maxPositions
    this.sharedA = sharedA
    this.trainer = new Trainer(config, loadWeights(modelDir, config), { threads: 1, lora: { rank, alpha, seed: 0 } })
    const reader = SafetensorsReader.open(join(adapterDir, 'adapter_model.safetensors'))
    for (const { name } of this.trainer.trainable.specs)
      reader.readInto(`base_model.model.${name}`, this.trainer.trainable.get(name))
    reader.close()
  }

  logprobs(sequences: readonly TokenSequence[]): Promise<Float32Array[]> {
    return this.trainer.logprobs(sequences)
  }

  async accumulate(sequences: readonly TokenSequence[], weights: readonly Float32Array[]): Promise<void> {
    await this.trainer.accumulate(sequences, weights)
  }

  async step(adam: AdamWSettings): Promise<{ gradNorm: number }> {
    const copies = this.sharedA ? this.tie() : new Set<string>()
    const squares = this.trainer.trainable.specs
      .filter(({ name }) => !copies.has(name))
      .map(({ name }) => this.trainer.gradient(name).reduce((sum, value) => sum + value ** 2, 0))
    await this.trainer.step({ ...adam, maxGradNorm: 0 })
    return { gradNorm: Math.sqrt(squares.reduce((sum, value) => sum + value, 0)) }
  }

  save(): Promise<void> {
    return Promise.reject(new Error('nobody saves here'))
  }

  publish(): ReturnType<TrainableModel['publish']> {
    return Promise.reject(new Error('nobody samples here'))
  }

  /** The copies, which count once in the norm. */
  private tie(): Set<string> {
    const copies = new Set<string>()
    for (const layer of this.trainer.trainable.specs.flatMap(
      ({ name }) => /^(.*layers\.\d+)\..*q_proj.lora_A/.exec(name)?.[1] ?? [],
    )) {
      for (const parts of layers) {
        const names = parts.map((part) => `${layer}.${part}.lora_A.weight`)
        const sum = new Float32Array(this.trainer.gradient(names[0] ?? '').length)
        for (const name of names) this.trainer.gradient(name).forEach((value, i) => (sum[i] = (sum[i] ?? 0) + value))
        for (const name of names) this.trainer.gradient(name).set(sum)
        for (const name of names.slice(1)) copies.add(name)
      }
    }
    return copies
  }
}
