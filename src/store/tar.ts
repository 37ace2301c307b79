/**
 * Reading a tar archive (POSIX ustar, with long names of GNU and pax left out of what is needed) and writing its files as a
 * folder that appears whole or not at all. The archive is untrusted: no name leads out of the folder, links are ignored.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { InputError } from '../core/errors.ts'
import { cannotWrite, moveFolder } from './atomic.ts'

const BLOCK = 512

/** Regular files by name. @throws InputError when the archive ends early or a name leads elsewhere */
export function readTar(bytes: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  for (let at = 0; at + BLOCK <= bytes.length;) {
    const header = bytes.subarray(at, at + BLOCK)
    if (header.every((byte) => byte === 0)) return files
    const size = Number.parseInt(field(header, 124, 12), 8)
    const end = at + BLOCK + size
    if (!Number.isSafeInteger(size) || size < 0 || end > bytes.length)
      throw new InputError('the archive is damaged or incomplete')
    const kind = header[156]
    if (kind === 0 || kind === 0x30) files.set(safeName(nameOf(header)), bytes.slice(at + BLOCK, end))
    at = end + ((BLOCK - (size % BLOCK)) % BLOCK)
  }
  throw new InputError('the archive is damaged or incomplete')
}

/** Writes a folder beside its place and puts it there in one step, in the place of what was there. */
export async function writeFolder(dir: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const fresh = `${dir}.${process.pid}.new`
  try {
    await rm(fresh, { recursive: true, force: true })
    for (const [name, data] of files) {
      const path = join(fresh, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, data, { flush: true })
    }
  } catch (error) {
    throw cannotWrite(dir, error)
  }
  await moveFolder(fresh, dir)
}

function nameOf(header: Uint8Array): string {
  const prefix = field(header, 257, 5) === 'ustar' ? field(header, 345, 155) : ''
  const name = field(header, 0, 100)
  return prefix === '' ? name : `${prefix}/${name}`
}

function field(header: Uint8Array, start: number, length: number): string {
  const text = Buffer.from(header.subarray(start, start + length)).toString('utf8')
  return text.split('\0', 1)[0]?.trim() ?? ''
}

function safeName(name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (name.startsWith('/') || parts.length === 0 || parts.includes('..') || /[\\:\p{Cc}]/u.test(name)) {
    throw new InputError(`the archive holds a file of the name ${JSON.stringify(name)}`)
  }
  return parts.join('/')
}
