/**
 * A model of the hub as a folder on this disk: `CACHE/models/OWNER--NAME/COMMIT`, links to verified files. A folder appears
 * when all of it is there; a download goes on where it stopped. Knows which files a model folder has, not what they mean.
 */
import { copyFile, link, mkdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InputError, errorMessage } from '../core/errors.ts'
import { parseModelAddress } from './address.ts'
import { cacheDirOf, type HubEnvironment } from './cache.ts'
import { download, placeOf } from './download.ts'
import { abandonedDrafts, draftOf, release } from './draft.ts'
import { HttpClient, type HttpDeps } from './http.ts'
import { addressOf, Hub, type HubFile, type Repo } from './hub.ts'

export interface ModelSourceDeps extends HttpDeps {
  readonly env: HubEnvironment
  /** Bytes that are there so far, of all. */
  readonly onProgress?: (done: number, total: number) => void
  /** What the user should know, such as that the hub could not be asked. */
  readonly onNotice?: (text: string) => void
}

/** What the hub has under an address. */
export interface ModelListing {
  readonly repo: Repo
  readonly commit: string
  readonly files: readonly HubFile[]
  readonly bytes: number
  /** The folder, when it is on this disk already. */
  readonly dir: string | null
}

/** Files of the Hugging Face layout: configuration, tokenizer, template, weights. Nothing that is code. */
const wanted =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template)\.json$|^(merges\.txt|chat_template\.jinja|tokenizer\.model)$|^model([\w.-]*)\.safetensors(\.index\.json)?$/

/**
 * The folder of `hf://OWNER/NAME[@REVISION]`, downloaded if it is not there. Without the hub, the last copy of the revision.
 * @throws {InputError} when it cannot be had, is not whole, or there is no room; the signal's reason when that aborts
 */
export async function fetchModel(source: string, deps: ModelSourceDeps): Promise<string> {
  const { repo, revision } = repoOf(source)
  const places = placesOf(repo, deps.env)
  const kept = /^[0-9a-f]{40}$/.test(revision) ? await folderIfThere(places.folder(revision)) : null
  if (kept !== null) return kept
  const reference = places.reference(revision)
  const listing = await lookUpModel(source, deps).catch(async (error: unknown) => {
    deps.signal?.throwIfAborted()
    const known = await readFile(reference, 'utf8').catch(() => null)
    const dir = known === null ? null : await folderIfThere(places.folder(known.trim()))
    if (dir === null) throw error
    deps.onNotice?.(`${errorMessage(error)}; taking the copy of ${source} that is here`)
    return { dir }
  })
  const dir = 'commit' in listing ? await assemble(listing, deps) : listing.dir
  if ('commit' in listing) {
    await mkdir(join(places.root, 'refs'), { recursive: true })
    await writeFile(reference, `${listing.commit}\n`)
  }
  return dir
}

/** Asks the hub what a model consists of; downloads nothing. @throws {InputError} */
export async function lookUpModel(source: string, deps: ModelSourceDeps): Promise<ModelListing> {
  const { repo, revision } = repoOf(source)
  const hub = new Hub(new HttpClient(deps), deps.env)
  const commit = await hub.commit(repo, revision)
  const files = (await hub.files(repo, commit)).filter(({ path }) => wanted.test(path))
  if (!files.some(({ path }) => path === 'config.json') || !files.some(({ path }) => path.endsWith('.safetensors'))) {
    throw new InputError(
      `${source} has no config.json with safetensors weights beside it: name a repository in the Hugging Face layout`,
    )
  }
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  return { repo, commit, files, bytes, dir: await folderIfThere(placesOf(repo, deps.env).folder(commit)) }
}

/** The text of its `config.json`, without the rest. @throws {InputError} */
export async function readHubConfig({ repo, commit }: ModelListing, deps: ModelSourceDeps): Promise<string> {
  const http = new HttpClient(deps)
  const { text } = await http.text(new Hub(http, deps.env).address(repo, commit, 'config.json'), 1 << 20)
  return text
}

function repoOf(source: string): { repo: Repo; revision: string } {
  const { repo, revision } = parseModelAddress(source)
  return { repo: { kind: 'model', name: repo }, revision }
}

interface Places {
  readonly root: string
  readonly folder: (commit: string) => string
  readonly reference: (revision: string) => string
}

function placesOf(repo: Repo, env: HubEnvironment): Places {
  const root = join(cacheDirOf(env), 'models', repo.name.replace('/', '--'))
  return {
    root,
    folder: (commit) => join(root, commit),
    reference: (revision) => join(root, 'refs', encodeURIComponent(revision)),
  }
}

async function folderIfThere(dir: string): Promise<string | null> {
  const found = await stat(dir).catch(() => null)
  return found?.isDirectory() === true ? dir : null
}

async function assemble(listing: ModelListing, deps: ModelSourceDeps): Promise<string> {
  const { repo, commit, files, bytes, dir } = listing
  if (dir !== null) return dir
  const http = new HttpClient(deps)
  const hub = new Hub(http, deps.env)
  const cacheDir = cacheDirOf(deps.env)
  const { root, folder } = placesOf(repo, deps.env)
  const place = { dir: root, name: commit }
  for (const { path } of await abandonedDrafts(place, http.clock.now()))
    await rm(path, { recursive: true, force: true })
  const temporary = draftOf(place)
  try {
    await mkdir(temporary, { recursive: true })
    await requireRoom(listing, { cacheDir, temporary, now: http.clock.now() })
    let done = 0
    for (const file of files) {
      const onBytes = (have: number): void => deps.onProgress?.(done + have, bytes)
      const path = await download(http, hub.address(repo, commit, file.path), file, { cacheDir, onBytes })
      await link(path, join(temporary, file.path)).catch(() => copyFile(path, join(temporary, file.path)))
      done += file.size
    }
    // Another process may have been faster; its folder is the same.
    await rename(temporary, folder(commit)).catch(async (error: unknown) => {
      if ((await folderIfThere(folder(commit))) === null) throw error
    })
    return folder(commit)
  } finally {
    await rm(temporary, { recursive: true, force: true })
    await release(temporary, place)
  }
}

interface Room {
  readonly cacheDir: string
  /** The folder that the model is put together in. */
  readonly temporary: string
  readonly now: number
}

/** Of files that are here, whole or in part, only the rest counts; where files cannot be linked, a copy of each counts too. */
async function requireRoom({ repo, bytes, files }: ModelListing, { cacheDir, temporary, now }: Room): Promise<void> {
  const found = await statfs(cacheDir).catch(() => null)
  if (found === null) return
  const have = await Promise.all(
    files.map(async (file) => {
      const place = placeOf(cacheDir, file)
      const whole = await stat(join(place.dir, place.name)).catch(() => null)
      return whole?.size ?? (await abandonedDrafts(place, now))[0]?.size ?? 0
    }),
  )
  const copies = (await canLink(temporary)) ? 0 : bytes
  const missing = bytes - have.reduce((sum, size) => sum + size, 0) + copies
  const free = found.bavail * found.bsize
  if (missing <= free) return
  const gigabytes = (value: number): string => `${(value / 1e9).toFixed(1)} GB`
  throw new InputError(
    `${addressOf(repo)} needs ${gigabytes(missing)} more on the disk of ${cacheDir}, which has ${gigabytes(free)} free; ` +
      'set POP_CACHE to another folder',
  )
}

async function canLink(dir: string): Promise<boolean> {
  const [from, to] = [join(dir, '.link-from'), join(dir, '.link-to')]
  try {
    await writeFile(from, '')
    await link(from, to)
    return true
  } catch {
    return false
  } finally {
    await Promise.all([from, to].map((path) => rm(path, { force: true })))
  }
}
