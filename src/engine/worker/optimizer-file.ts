/** The optimizer's state on disk: moments and step in one safetensors file, tied to the parameters they belong to. */
import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ModelError } from '../../core/errors.ts'
import { hashValue } from '../../core/hash.ts'
import { SafetensorsReader } from '../formats/safetensors-reader.ts'
import { writeSafetensors } from '../formats/safetensors-writer.ts'
import type { ParameterStore } from '../models/parameters.ts'
import type { OptimizerState } from '../training/trainer.ts'

const FILE = 'optimizer.safetensors'
const metadataSchema = z.object({ step: z.string().regex(/^\d{1,15}$/), layout: z.string() })

/** Names and shapes of the trained parameters, as a hash: moments fit nothing else. */
function layoutOf(trainable: ParameterStore): string {
  return hashValue(trainable.specs.map(({ name, shape }) => [name, shape]))
}

/** Writes `DIR/optimizer.safetensors`, whole or not at all. */
export function saveOptimizerState(dir: string, trainable: ParameterStore, state: OptimizerState): void {
  mkdirSync(dir, { recursive: true })
  const path = join(dir, FILE)
  const temporary = `${path}.tmp-${process.pid}`
  const moments = [
    { name: 'm', shape: [state.m.length], data: state.m },
    { name: 'v', shape: [state.v.length], data: state.v },
  ]
  writeSafetensors(temporary, moments, 'F32', { step: String(state.step), layout: layoutOf(trainable) })
  renameSync(temporary, path)
}

/** @throws ModelError when the file is missing, damaged, or of another model */
export function loadOptimizerState(dir: string, trainable: ParameterStore): OptimizerState {
  const path = join(dir, FILE)
  const reader = SafetensorsReader.open(path)
  try {
    const metadata = metadataSchema.safeParse(reader.metadata)
    if (!metadata.success) throw new ModelError(`${path}: no step and layout in the metadata; not an optimizer's state`)
    if (metadata.data.layout !== layoutOf(trainable)) {
      throw new ModelError(`${path}: the moments belong to another model or adapter; train from its own checkpoint`)
    }
    const { length } = trainable.flat
    const state = { step: Number(metadata.data.step), m: new Float32Array(length), v: new Float32Array(length) }
    reader.readInto('m', state.m)
    reader.readInto('v', state.v)
    return state
  } finally {
    reader.close()
  }
}
