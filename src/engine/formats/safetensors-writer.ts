/**
 * Writes a safetensors file tensor by tensor; a BF16 file is rounded chunk by chunk, so no second copy of the model is
 * made. The file is synced before the call returns. Atomicity is the caller's business (`atomic.ts`).
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { float32ToBfloat16 } from './half.ts'

/** What a checkpoint may be stored as. */
export type StoredDtype = 'F32' | 'BF16'

export interface NamedTensor {
  name: string
  shape: readonly number[]
  /** Row-major; its length is the product of `shape`. */
  data: Float32Array
}

const CHUNK_ELEMENTS = 1 << 20

/** Bytes that `tensor` takes in the file. */
export function storedBytes(tensor: NamedTensor, dtype: StoredDtype): number {
  return tensor.data.length * (dtype === 'F32' ? 4 : 2)
}

/**
 * @param path file to create or replace
 * @param tensors written in this order
 * @param metadata goes into the header; `{ format: 'pt' }` is what transformers asks for
 */
export function writeSafetensors(
  path: string,
  tensors: readonly NamedTensor[],
  dtype: StoredDtype,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): void {
  const descriptor = openSync(path, 'w')
  try {
    writeFully(descriptor, buildHeader(tensors, dtype, metadata))
    for (const tensor of tensors) writeTensor(descriptor, tensor.data, dtype)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function buildHeader(
  tensors: readonly NamedTensor[],
  dtype: StoredDtype,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: [string, unknown][] = [['__metadata__', metadata]]
  const seen = new Set<string>()
  let offset = 0
  for (const tensor of tensors) {
    const { name, shape } = tensor
    const size = shape.reduce((product, dimension) => product * dimension, 1)
    if (size !== tensor.data.length) throw new Error(`tensor ${name}: shape and data disagree`)
    if (seen.has(name)) throw new Error(`tensor ${name} is given twice`)
    seen.add(name)
    const end = offset + storedBytes(tensor, dtype)
    entries.push([name, { dtype, shape, data_offsets: [offset, end] }])
    offset = end
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)))
  // Spaces pad the header so that the data starts at a multiple of 8.
  const padded = Math.ceil(json.length / 8) * 8
  const bytes = new Uint8Array(8 + padded).fill(0x20, 8 + json.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true)
  bytes.set(json, 8)
  return bytes
}

function writeTensor(descriptor: number, data: Float32Array, dtype: StoredDtype): void {
  if (dtype === 'F32') {
    writeFully(descriptor, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    return
  }
  const words = new Uint16Array(Math.min(CHUNK_ELEMENTS, data.length))
  for (let start = 0; start < data.length; start += CHUNK_ELEMENTS) {
    const part = data.subarray(start, start + CHUNK_ELEMENTS)
    float32ToBfloat16(part, words)
    writeFully(descriptor, new Uint8Array(words.buffer, 0, 2 * part.length))
  }
}

function writeFully(descriptor: number, bytes: Uint8Array): void {
  let done = 0
  while (done < bytes.length) {
    done += writeSync(descriptor, bytes, done, Math.min(bytes.length - done, 1 << 30))
  }
}
