/** Low-rank adapters between PEFT's folders and the parameters of a model. */
import { ModelError } from '../../core/errors.ts'
import { openAdapterFolder, writeAdapterFolder } from '../formats/adapter-folder.ts'
import { loraNames, loraSpecs } from '../models/lora.ts'
import { layerLinears, ParameterStore } from '../models/parameters.ts'
import type { AdapterConfig, AdapterReader } from '../formats/adapter-folder.ts'
import type { ModelConfig } from '../models/config.ts'

/** A loaded adapter. It may sit on some of the linear layers only: the store then lacks the others. */
export interface Adapter extends AdapterConfig {
  readonly store: ParameterStore
}

/** @throws ModelError when the folder is damaged or its tensors do not fit the model */
export function loadAdapter(dir: string, config: ModelConfig): Adapter {
  const reader = openAdapterFolder(dir)
  try {
    const { rank, alpha, scale, shapes } = reader
    const specs = loraSpecs(config, rank).filter(({ name }) => shapes.has(name))
    refuseForeign(dir, reader, new Set(specs.map(({ name }) => name)))
    for (const { name, shape } of specs) {
      const found = shapes.get(name) ?? []
      if (found.join() === shape.join()) continue
      throw new ModelError(
        `${dir}: tensor ${name} has shape [${found.join(', ')}], the model needs [${shape.join(', ')}]`,
      )
    }
    refuseHalves(dir, config, shapes)
    const store = new ParameterStore(specs)
    for (const { name } of specs) reader.readInto(name, store.get(name))
    return { rank, alpha, scale, store }
  } finally {
    reader.close()
  }
}

function refuseForeign(dir: string, { shapes }: AdapterReader, known: ReadonlySet<string>): void {
  const foreign = [...shapes.keys()].find((name) => !known.has(name))
  if (foreign !== undefined) throw new ModelError(`${dir}: tensor ${foreign} sits on no linear layer of this model`)
  if (known.size === 0) throw new ModelError(`${dir}: the adapter has no tensors`)
}

/** An A without its B, or the other way round. */
function refuseHalves(dir: string, config: ModelConfig, shapes: ReadonlyMap<string, unknown>): void {
  for (let layer = 0; layer < config.layers; layer++) {
    for (const { name } of layerLinears(config, layer)) {
      const { a, b } = loraNames(name)
      if (shapes.has(a) !== shapes.has(b)) throw new ModelError(`${dir}: ${name} has only one of lora_A and lora_B`)
    }
  }
}

/** Puts a loaded adapter in the place of the start values of `target`. What it does not adapt starts afresh. */
export function startFrom(target: ParameterStore, adapter: Adapter, lora: { rank: number; alpha: number }): void {
  refuseOtherSize(adapter, lora)
  for (const { name } of adapter.store.specs) target.get(name).set(adapter.store.get(name))
}

/** @throws ModelError when an adapter cannot be trained on as `lora` says */
export function refuseOtherSize({ rank, alpha, scale }: AdapterConfig, lora: { rank: number; alpha: number }): void {
  if (rank === lora.rank && Math.abs((scale * rank) / lora.alpha - 1) < 1e-6) return
  const note = scale === alpha / rank ? '' : ` (rank-stabilised, as alpha ${scale * rank} would be here)`
  throw new ModelError(
    `the adapter has rank ${rank} and alpha ${alpha}${note}, training.lora says rank ${lora.rank} and alpha ${lora.alpha}; ` +
      'make them equal to train it on, or set training.lora to false to train the merged weights',
  )
}

/** Writes the adapters of a training as a folder that PEFT opens. */
export function saveAdapter(
  dir: string,
  store: ParameterStore,
  { rank, alpha, base }: { rank: number; alpha: number; base: string | undefined },
): void {
  const modules = store.specs.map(({ name }) => name.split('.').at(-3) ?? '')
  const targetModules = [...new Set(modules)]
  const tensors = store.specs.map(({ name, shape }) => ({ name, shape, data: store.get(name) }))
  writeAdapterFolder(dir, { rank, alpha, targetModules, base: base ?? null }, tensors)
}
