/** Weights of a shape that nobody has trained, for what is measured of speed and memory. */
import { rng } from '../../src/core/rng.ts'
import type { ModelConfig } from '../../src/engine/models/config.ts'
import { ParameterStore, parameterSpecs } from '../../src/engine/models/parameters.ts'

/** A few thousand random values over and over: fast, and as good as others for what is measured. */
export function randomWeights(config: ModelConfig): ParameterStore {
  const random = rng(1, 'bench')
  const block = Float32Array.from({ length: 4099 }, () => 0.02 * random.normal())
  const store = new ParameterStore(parameterSpecs(config))
  for (const { name, kind } of store.specs) {
    const target = store.get(name)
    if (kind === 'norm') target.fill(1)
    else for (let at = 0; at < target.length; at += block.length) target.set(block.subarray(0, target.length - at), at)
  }
  return store
}
