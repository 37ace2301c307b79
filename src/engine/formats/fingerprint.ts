/** Which weights a folder holds, told without reading them all. Knows no model. */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { hashValue, sha256 } from '../../core/hash.ts'

const EDGE_BYTES = 1 << 20

/**
 * A short hash of the weights of a model folder, or of an adapter's: name, size, first and last mebibyte of every safetensors file, and the
 * configuration. Undefined when the folder has no weights. Two checkpoints of one training differ in it.
 * @param adapter a folder whose adapter belongs to the weights
 */
export function modelFingerprint(dir: string, adapter?: string): string | undefined {
  const names = namesIn(dir)
  const files = (start: string): string[] =>
    names.filter((name) => name.endsWith('.safetensors') && name.startsWith(start))
  // A folder that holds an adapter alone is known by that.
  const weights = files('model').length > 0 ? files('model') : files('adapter_model')
  if (weights.length === 0) return undefined
  const parts = [...weights, ...names.filter((name) => name === 'config.json')]
  const ofModel = parts.map((name) => [name, ...edges(join(dir, name))])
  if (adapter === undefined) return hashValue(ofModel)
  const ofAdapter = namesIn(adapter).filter((name) => name.startsWith('adapter_'))
  return hashValue([...ofModel, ...ofAdapter.map((name) => [name, ...edges(join(adapter, name))])])
}

function namesIn(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir).sort() : []
}

function edges(path: string): (string | number)[] {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const head = Buffer.alloc(Math.min(size, EDGE_BYTES))
    const tail = Buffer.alloc(head.length)
    readSync(file, head, 0, head.length, 0)
    readSync(file, tail, 0, tail.length, size - tail.length)
    return [size, sha256(head), sha256(tail)]
  } finally {
    closeSync(file)
  }
}
