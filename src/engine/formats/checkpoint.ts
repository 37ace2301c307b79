/**
 * A checkpoint's weights in the Hugging Face layout: `model.safetensors`, or shards named by
 * `model.safetensors.index.json`. The index is untrusted: it may only name files beside itself.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ModelError, errorMessage } from '../../core/errors.ts'
import { parseJson } from '../../core/json.ts'
import { SafetensorsReader } from './safetensors-reader.ts'
import { storedBytes, writeSafetensors } from './safetensors-writer.ts'
import type { TensorInfo } from './safetensors-header.ts'
import type { NamedTensor, StoredDtype } from './safetensors-writer.ts'

const WEIGHTS_FILE = 'model.safetensors'
const INDEX_FILE = 'model.safetensors.index.json'

const MAX_INDEX_BYTES = 16_000_000

/** transformers' default shard size. */
const DEFAULT_SHARD_BYTES = 5_000_000_000

/** The weights of a model folder, open for reading. Close it when done. */
export interface CheckpointReader {
  /** Every tensor by name. */
  readonly tensors: ReadonlyMap<string, TensorInfo>
  /** As {@link SafetensorsReader.readInto}. */
  readInto(name: string, target: Float32Array): void
  close(): void
}

/** @throws ModelError when there are no weights, a shard is missing, or a file is damaged */
export function openCheckpoint(dir: string): CheckpointReader {
  if (existsSync(join(dir, WEIGHTS_FILE))) return SafetensorsReader.open(join(dir, WEIGHTS_FILE))
  if (existsSync(join(dir, INDEX_FILE))) return openShards(dir)
  throw new ModelError(`${dir}: no ${WEIGHTS_FILE} and no ${INDEX_FILE}; a model folder needs one of them`)
}

function openShards(dir: string): CheckpointReader {
  const weightMap = readWeightMap(join(dir, INDEX_FILE))
  const readers = new Map<string, SafetensorsReader>()
  const close = (): void => {
    for (const reader of readers.values()) reader.close()
  }
  try {
    for (const file of new Set(Object.values(weightMap))) readers.set(file, SafetensorsReader.open(join(dir, file)))
    return joinShards(dir, weightMap, readers, close)
  } catch (error) {
    close()
    throw error
  }
}

function joinShards(
  dir: string,
  weightMap: Record<string, string>,
  readers: ReadonlyMap<string, SafetensorsReader>,
  close: () => void,
): CheckpointReader {
  const owners = new Map<string, SafetensorsReader>()
  const tensors = new Map<string, TensorInfo>()
  for (const [name, file] of Object.entries(weightMap)) {
    const reader = readers.get(file)
    const info = reader?.tensors.get(name)
    if (reader === undefined || info === undefined) {
      throw new ModelError(`${join(dir, INDEX_FILE)}: ${file} does not hold tensor ${name}`)
    }
    owners.set(name, reader)
    tensors.set(name, info)
  }
  const readInto = (name: string, target: Float32Array): void => {
    const reader = owners.get(name)
    if (reader === undefined) throw new ModelError(`${dir}: no tensor named ${name}`)
    reader.readInto(name, target)
  }
  return { tensors, readInto, close }
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string().regex(/^[\w.-]+\.safetensors$/)) })

function readWeightMap(path: string): Record<string, string> {
  let text: string
  try {
    const { size } = statSync(path)
    if (size > MAX_INDEX_BYTES) throw new Error(`${size} bytes are more than an index can have`)
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ModelError(`cannot read ${path}: ${errorMessage(error)}`, { cause: error })
  }
  const json = parseJson(text)
  if (!json.ok) throw new ModelError(`${path} is not JSON (${json.message})`)
  const parsed = indexSchema.safeParse(json.value)
  if (!parsed.success) {
    throw new ModelError(`${path}: weight_map must map tensor names to .safetensors files in the same folder`)
  }
  return parsed.data.weight_map
}

/**
 * Writes `tensors` into `dir` as one file, or as shards with an index when they exceed `maxShardBytes`.
 * @param maxShardBytes in bytes of tensor data; one tensor larger than this gets a shard of its own
 */
export function writeCheckpoint(
  dir: string,
  tensors: readonly NamedTensor[],
  dtype: StoredDtype,
  maxShardBytes: number = DEFAULT_SHARD_BYTES,
): void {
  const shards = splitIntoShards(tensors, dtype, maxShardBytes)
  if (shards.length <= 1) {
    writeSafetensors(join(dir, WEIGHTS_FILE), tensors, dtype)
    return
  }
  const weightMap: Record<string, string> = {}
  for (const [i, shard] of shards.entries()) {
    const file = `model-${pad5(i + 1)}-of-${pad5(shards.length)}.safetensors`
    writeSafetensors(join(dir, file), shard, dtype)
    for (const tensor of shard) weightMap[tensor.name] = file
  }
  const totalSize = tensors.reduce((sum, tensor) => sum + storedBytes(tensor, dtype), 0)
  const index = { metadata: { total_size: totalSize }, weight_map: weightMap }
  writeFileSync(join(dir, INDEX_FILE), `${JSON.stringify(index, null, 2)}\n`)
}

function splitIntoShards(tensors: readonly NamedTensor[], dtype: StoredDtype, maxBytes: number): NamedTensor[][] {
  const shards: NamedTensor[][] = []
  let room = -1
  for (const tensor of tensors) {
    const bytes = storedBytes(tensor, dtype)
    const last = shards.at(-1)
    if (last === undefined || bytes > room) {
      shards.push([tensor])
      room = maxBytes - bytes
    } else {
      last.push(tensor)
      room -= bytes
    }
  }
  return shards
}

function pad5(value: number): string {
  return String(value).padStart(5, '0')
}
