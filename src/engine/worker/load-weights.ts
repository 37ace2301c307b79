/** Fills a model's parameters from a checkpoint, after checking that the two are of the same model. */
import { ModelError } from '../../core/errors.ts'
import { openCheckpoint } from '../formats/checkpoint.ts'
import { readModelFiles } from '../formats/model-folder.ts'
import { parseModelConfig } from '../models/config.ts'
import { loadAdapter, refuseOtherSize } from './adapter.ts'
import { EMBEDDING, HEAD, ParameterStore, parameterSpecs } from '../models/parameters.ts'
import type { CheckpointReader } from '../formats/checkpoint.ts'
import type { ModelConfig } from '../models/config.ts'
import type { ParameterSpec } from '../models/parameters.ts'

/**
 * Reads the weights of the model folder `dir`, tensor by tensor. Nothing is allocated before every tensor is known to
 * be there in the shape that `config` asks for.
 * @throws ModelError when a tensor is missing, has another shape, or belongs to another kind of model
 */
export function loadWeights(dir: string, config: ModelConfig): ParameterStore {
  const checkpoint = openCheckpoint(dir)
  try {
    const specs = checkTensors(dir, checkpoint, config)
    const store = new ParameterStore(specs)
    for (const { name } of specs) checkpoint.readInto(name, store.get(name))
    return store
  } finally {
    checkpoint.close()
  }
}

/**
 * Looks at a model folder without loading it: its files, its architecture, and the names and shapes of its weights;
 * and at the adapter on top of it, which `lora` may be going to train.
 * @throws ModelError as opening the folder would
 */
export function checkModelFolder(
  dir: string,
  adapter?: { readonly dir: string; readonly lora: false | { rank: number; alpha: number } },
): void {
  const config = parseModelConfig(readModelFiles(dir).config)
  const checkpoint = openCheckpoint(dir)
  try {
    checkTensors(dir, checkpoint, config)
  } finally {
    checkpoint.close()
  }
  if (adapter === undefined) return
  const loaded = loadAdapter(adapter.dir, config)
  if (adapter.lora !== false) refuseOtherSize(loaded, adapter.lora)
}

function checkTensors(dir: string, checkpoint: CheckpointReader, config: ModelConfig): ParameterSpec[] {
  const specs = parameterSpecs(config)
  for (const spec of specs) checkSpec(dir, checkpoint, spec)
  refuseForeignTensors(dir, checkpoint, new Set(specs.map((spec) => spec.name)))
  return specs
}

function checkSpec(dir: string, checkpoint: CheckpointReader, spec: ParameterSpec): void {
  const info = checkpoint.tensors.get(spec.name)
  if (info === undefined) {
    const hint = spec.name === HEAD ? `; if the head is tied to ${EMBEDDING}, config.json must say so` : ''
    throw new ModelError(`${dir}: the weights lack tensor ${spec.name}${hint}`)
  }
  if (info.shape.join() !== spec.shape.join()) {
    throw new ModelError(
      `${dir}: tensor ${spec.name} has shape [${info.shape.join(', ')}], config.json asks for [${spec.shape.join(', ')}]`,
    )
  }
}

/** A tensor that the engine would not use changes what the model computes elsewhere: refused, not ignored. */
function refuseForeignTensors(dir: string, checkpoint: CheckpointReader, known: ReadonlySet<string>): void {
  const harmless = /(^lm_head\.weight|\.rotary_emb\.inv_freq)$/
  const foreign = [...checkpoint.tensors.keys()].find((name) => !known.has(name) && !harmless.test(name))
  if (foreign !== undefined) {
    throw new ModelError(
      `${dir}: the weights hold tensor ${foreign}, which the architecture in config.json does not have`,
    )
  }
}
