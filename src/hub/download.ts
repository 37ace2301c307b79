/**
 * Files of the hub kept on this disk by what they hold: `CACHE/hub/SHA256`, `CACHE/hub/GIT-OID`. A download goes on
 * where it stopped, and no file is used whose hash is not the hub's. Knows no
 * rows and no weights.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage, InputError } from '../core/errors.ts'
import type { HubFile } from './hub.ts'
import type { Address, HttpClient } from './http.ts'

export interface DownloadOptions {
  readonly cacheDir: string
  /** Bytes of the file that are on the disk so far. */
  readonly onBytes?: (have: number) => void
}

/** The path of a verified copy. @throws {InputError} when it cannot be had, or is not what the hub says it is */
export async function download(
  http: HttpClient,
  address: Address,
  file: HubFile,
  { cacheDir, onBytes }: DownloadOptions,
): Promise<string> {
  const dir = join(cacheDir, 'hub')
  const path = join(dir, file.sha256 ?? file.gitOid)
  const part = `${path}.part`
  try {
    await mkdir(dir, { recursive: true })
    if (await isWhole(path, file)) return path
    await fetchRest(http, address, { path: part, size: file.size, onBytes })
    if (!(await isWhole(part, file))) {
      await rm(part, { force: true })
      throw new InputError(
        `${address.name}: what arrived is not what the hub has (its hash differs); run the same command again`,
      )
    }
    await rename(part, path)
    return path
  } catch (error) {
    if (error instanceof InputError) throw error
    throw new InputError(
      `Cannot keep ${address.name} in ${dir}: ${errorMessage(error)}; set POP_CACHE to another folder`,
      {
        cause: error,
      },
    )
  }
}

interface Part {
  readonly path: string
  readonly onBytes: DownloadOptions['onBytes'] | undefined
  /** Of the whole file. */
  readonly size: number
}

/** Stops at the first byte too many: what the hub says of a file bounds what it takes of the disk. */
async function fetchRest(http: HttpClient, address: Address, { path, size, onBytes }: Part): Promise<void> {
  let have = (await sizeOf(path)) ?? 0
  if (have >= size) return
  const out = await open(path, 'a')
  try {
    for await (const chunk of http.stream(address, have)) {
      have += chunk.length
      if (have > size) break
      await out.writeFile(chunk)
      onBytes?.(have)
    }
    await out.sync()
  } finally {
    await out.close()
  }
}

/** Whether the file is there with the size and the hash that the hub gives. Another file is removed. */
async function isWhole(path: string, file: HubFile): Promise<boolean> {
  const size = await sizeOf(path)
  if (size === null) return false
  if (size === file.size && (await hashOf(path, file)) === (file.sha256 ?? file.gitOid)) return true
  await rm(path, { force: true })
  return false
}

async function hashOf(path: string, { sha256, size, gitOid }: HubFile): Promise<string> {
  const hash = sha256 === null ? blobHash(size, gitOid.length) : createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** Git's name of a blob: a hash over a header and the content. */
function blobHash(size: number, digits: number): Hash {
  return createHash(digits === 64 ? 'sha256' : 'sha1').update(`blob ${size}\0`)
}

async function sizeOf(path: string): Promise<number | null> {
  const found = await stat(path).catch(() => null)
  return found?.isFile() === true ? found.size : null
}
