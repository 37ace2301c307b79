/**
 * The state of a training on disk, in one safetensors file that is tied to the parameters it belongs to: the optimizer's
 * moments and step, and, where all of a training is kept, the trained weights and its owner's note of how far it was.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { ModelError } from '../../core/errors.ts'
import { hashValue } from '../../core/hash.ts'
import { SafetensorsReader } from '../formats/safetensors-reader.ts'
import { writeSafetensors } from '../formats/safetensors-writer.ts'
import type { NamedTensor } from '../formats/safetensors-writer.ts'
import type { ParameterStore } from '../models/parameters.ts'
import type { OptimizerState } from '../training/trainer.ts'

const FILE = 'optimizer.safetensors'
const metadataSchema = z.object({
  step: z.string().regex(/^\d{1,15}$/),
  layout: z.string(),
  owner: z.string().default(''),
  note: z.string().default(''),
})

/** Names and shapes of the trained parameters, as a hash: moments fit nothing else. */
function layoutOf(trainable: ParameterStore): string {
  return hashValue(trainable.specs.map(({ name, shape }) => [name, shape]))
}

/** Writes `DIR/optimizer.safetensors`, whole or not at all. */
export function saveOptimizerState(dir: string, trainable: ParameterStore, state: OptimizerState): void {
  const metadata = { step: String(state.step), layout: layoutOf(trainable) }
  writeWhole(join(dir, FILE), momentsOf(state), metadata)
}

/** @throws ModelError when the file is missing, damaged, or of another model */
export function loadOptimizerState(dir: string, trainable: ParameterStore): OptimizerState {
  return read(join(dir, FILE), trainable, (reader, { step }) =>
    readMoments(reader, Number(step), trainable.flat.length),
  )
}

/** What a training says of itself: whose state this is, and how far it was. */
export interface StateNote {
  readonly owner: string
  readonly note: string
}

/** Writes weights, moments and note to `path`, whole or not at all: one file, so that they are always of one moment. */
export function saveTrainingState(
  path: string,
  trainable: ParameterStore,
  state: OptimizerState,
  { owner, note }: StateNote,
): void {
  const weights = { name: 'weights', shape: [trainable.flat.length], data: trainable.flat }
  const metadata = { step: String(state.step), layout: layoutOf(trainable), owner, note }
  writeWhole(path, [weights, ...momentsOf(state)], metadata)
}

/**
 * Puts the weights in place and gives the rest; nothing happens when there is no file or it has another owner.
 * @throws ModelError when the file is damaged, or of another model; the weights are then as they were
 */
export function loadTrainingState(
  path: string,
  trainable: ParameterStore,
  owner: string,
): { state: OptimizerState; note: string } | undefined {
  if (!existsSync(path) || ownerOf(path) !== owner) return undefined
  return read(path, trainable, (reader, { step, note }) => {
    const { length } = trainable.flat
    const state = readMoments(reader, Number(step), length)
    const weights = new Float32Array(length)
    reader.readInto('weights', weights)
    trainable.flat.set(weights)
    return { state, note }
  })
}

export function removeTrainingState(path: string): void {
  rmSync(path, { force: true })
}

function ownerOf(path: string): string | undefined {
  const reader = SafetensorsReader.open(path)
  reader.close()
  return metadataSchema.safeParse(reader.metadata).data?.owner
}

function momentsOf({ m, v }: OptimizerState): NamedTensor[] {
  return [
    { name: 'm', shape: [m.length], data: m },
    { name: 'v', shape: [v.length], data: v },
  ]
}

function readMoments(reader: SafetensorsReader, step: number, length: number): OptimizerState {
  const state = { step, m: new Float32Array(length), v: new Float32Array(length) }
  reader.readInto('m', state.m)
  reader.readInto('v', state.v)
  return state
}

/** Under another name first; what a killed process left of that goes away. */
function writeWhole(path: string, tensors: readonly NamedTensor[], metadata: Record<string, string>): void {
  const dir = dirname(path)
  const draft = `${basename(path)}.tmp-`
  mkdirSync(dir, { recursive: true })
  for (const name of readdirSync(dir)) if (name.startsWith(draft)) rmSync(join(dir, name))
  const temporary = join(dir, `${draft}${process.pid}`)
  writeSafetensors(temporary, tensors, 'F32', metadata)
  renameSync(temporary, path)
}

function read<T>(
  path: string,
  trainable: ParameterStore,
  use: (reader: SafetensorsReader, metadata: z.infer<typeof metadataSchema>) => T,
): T {
  const reader = SafetensorsReader.open(path)
  try {
    const metadata = metadataSchema.safeParse(reader.metadata)
    if (!metadata.success) throw new ModelError(`${path}: no step and layout in the metadata; not an optimizer's state`)
    if (metadata.data.layout !== layoutOf(trainable)) {
      throw new ModelError(`${path}: the moments belong to another model or adapter; train from its own checkpoint`)
    }
    return use(reader, metadata.data)
  } finally {
    reader.close()
  }
}
