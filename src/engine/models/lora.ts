/**
 * Low-rank adapters (Hu et al. 2021) on every linear layer of a decoder: W + alpha / rank · B A, W frozen.
 * Names and start values as in PEFT. Knows nothing of graphs.
 */
import { rng } from '../../core/rng.ts'
import type { ModelConfig } from './config.ts'
import type { ParameterSpec } from './parameters.ts'
import { layerLinears, ParameterStore } from './parameters.ts'

export interface LoraOptions {
  readonly rank: number
  readonly alpha: number
  /** Of the start values of A. */
  readonly seed: number
}

/** The parameters of the adapter on the linear layer `linear`: A [rank, in], B [out, rank]. */
export function loraNames(linear: string): { readonly a: string; readonly b: string } {
  return { a: `${linear}.lora_A.weight`, b: `${linear}.lora_B.weight` }
}

/** All adapters of a model, in the order of its layers. */
export function loraSpecs(config: ModelConfig, rank: number): ParameterSpec[] {
  return Array.from({ length: config.layers }, (_, layer) => layerLinears(config, layer))
    .flat()
    .flatMap(({ name, inputs, outputs }) => [
      { name: loraNames(name).a, shape: [rank, inputs], kind: 'matrix' as const },
      { name: loraNames(name).b, shape: [outputs, rank], kind: 'matrix' as const },
    ])
}

/** A uniform in ±1/√in (PEFT's Kaiming start), B zero: at the start the adapted model is the base model. */
export function initLora(config: ModelConfig, { rank, seed }: LoraOptions): ParameterStore {
  const store = new ParameterStore(loraSpecs(config, rank))
  for (const { name, shape } of store.specs) {
    if (!name.endsWith('.lora_A.weight')) continue
    const values = store.get(name)
    const bound = 1 / Math.sqrt(shape[1] ?? 1)
    const random = rng(seed, 'lora', name)
    for (let i = 0; i < values.length; i++) values[i] = (2 * random.uniform() - 1) * bound
  }
  return store
}
