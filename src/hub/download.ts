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
import { draftOf, release, takeOver, type Place } from './draft.ts'
import type { HubFile } from './hub.ts'
import type { Address, HttpClient } from './http.ts'

export interface DownloadOptions {
  readonly cacheDir: string
  /** Bytes of the file that are on the disk so far. */
  readonly onBytes?: (have: number) => void
}

/**
 * The path of a verified copy. Two processes may fetch the same file: each has a part of its own.
 * @throws {InputError} when it cannot be had, or is not what the hub says it is; the reason of the client's signal
 */
export async function download(
  http: HttpClient,
  address: Address,
  file: HubFile,
  { cacheDir, onBytes }: DownloadOptions,
): Promise<string> {
  const place = placeOf(cacheDir, file)
  try {
    await mkdir(place.dir, { recursive: true })
    if (!(await isWhole(join(place.dir, place.name), file))) await fetchFile(http, address, { file, place, onBytes })
    return join(place.dir, place.name)
  } catch (error) {
    http.signal?.throwIfAborted()
    if (error instanceof InputError) throw error
    throw new InputError(
      `Cannot keep ${address.name} in ${place.dir}: ${errorMessage(error)}; set POP_CACHE to another folder`,
      {
        cause: error,
      },
    )
  }
}

/** Where a file of the hub is kept. */
export function placeOf(cacheDir: string, { sha256, gitOid }: Pick<HubFile, 'sha256' | 'gitOid'>): Place {
  return { dir: join(cacheDir, 'hub'), name: sha256 ?? gitOid }
}

interface Wanted {
  readonly file: HubFile
  readonly place: Place
  readonly onBytes: DownloadOptions['onBytes'] | undefined
}

async function fetchFile(http: HttpClient, address: Address, { file, place, onBytes }: Wanted): Promise<void> {
  const draft = draftOf(place)
  try {
    await takeOver(draft, place, http.clock.now())
    await fetchRest(http, address, { path: draft, size: file.size, onBytes })
    if (!(await isWhole(draft, file))) {
      throw new InputError(
        `${address.name}: what arrived is not what the hub has (its hash differs); run the same command again`,
      )
    }
    await rename(draft, join(place.dir, place.name))
  } finally {
    await release(draft, place)
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
