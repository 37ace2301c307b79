/** Lines of a text file, one at a time, for readers that take any iterable of lines. */
import { closeSync, openSync, readSync } from 'node:fs'
import { InputError, errorMessage } from '../core/errors.ts'

const CHUNK_BYTES = 1 << 20

/** @throws {InputError} when the file cannot be read */
export function* textLines(path: string): Generator<string> {
  const file = open(path)
  try {
    const chunk = new Uint8Array(CHUNK_BYTES)
    const decoder = new TextDecoder()
    let held = ''
    for (let size = read(file, chunk, path); size > 0; size = read(file, chunk, path)) {
      const lines = (held + decoder.decode(chunk.subarray(0, size), { stream: true })).split('\n')
      held = lines.pop() ?? ''
      yield* lines
    }
    held += decoder.decode()
    if (held !== '') yield held
  } finally {
    closeSync(file)
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    throw new InputError(`${path} cannot be read: ${errorMessage(error)}`)
  }
}

function read(file: number, chunk: Uint8Array, path: string): number {
  try {
    return readSync(file, chunk)
  } catch (error) {
    throw new InputError(`${path} cannot be read: ${errorMessage(error)}`)
  }
}
