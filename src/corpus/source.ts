/** From `corpus.source` to files that can be read, wherever they lie. Knows no rows. */
import { InputError } from '../core/errors.ts'
import {
  cacheDirOf,
  download,
  Hub,
  HttpClient,
  isHubAddress,
  parseHubAddress,
  type Address,
  type HttpDeps,
  type HubFile,
  type Repo,
} from '../hub/index.ts'
import { filesByCard } from './dataset-card.ts'
import { localFile, type CorpusFile, type RandomAccess } from './file.ts'
import { chooseHubFiles } from './hub-files.ts'
import { kindOf, supportedKinds, type FileKind } from './kinds.ts'
import { findLocalFiles } from './local.ts'
import type { CorpusConfig } from './screen.ts'

export interface CorpusDeps extends HttpDeps {
  /** `HF_TOKEN`, `HF_ENDPOINT`, `POP_CACHE`. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** A commit to read a dataset of the hub at, whatever its branch names now. */
  readonly revision?: string
}

export interface CorpusSource {
  readonly files: readonly CorpusFile[]
  /** The commit of a Hugging Face dataset; null for other sources. */
  readonly revision: string | null
}

/** @throws {InputError} when there is nothing to read; the message says what to do */
export async function openSource(config: CorpusConfig, deps: CorpusDeps): Promise<CorpusSource> {
  const { source } = config
  if (isHubAddress(source)) return openDataset(config, deps)
  if (isWebAddress(source)) return { files: [webFile(source, new HttpClient(deps))], revision: null }
  return { files: await findLocalFiles(source), revision: null }
}

/** Changes when the files of the source do, as far as that shows without reading them; null where only the hub knows. */
export async function sourceIdentity(source: string, deps: CorpusDeps): Promise<string[] | null> {
  if (isHubAddress(source)) {
    const { repo, path } = parseHubAddress(source)
    return deps.revision === undefined ? null : [repo, deps.revision, path]
  }
  if (isWebAddress(source)) return [source]
  const identities: string[] = []
  for (const file of await findLocalFiles(source)) identities.push(await file.identity())
  return identities
}

function isWebAddress(source: string): boolean {
  return /^https?:\/\//i.test(source)
}

async function openDataset(config: CorpusConfig, deps: CorpusDeps): Promise<CorpusSource> {
  const http = new HttpClient(deps)
  const hub = new Hub(http, deps.env)
  const address = parseHubAddress(config.source)
  const repo: Repo = { kind: 'dataset', name: address.repo }
  const commit = deps.revision ?? (await hub.commit(repo, address.revision))
  const all = await hub.files(repo, commit)
  const byCard = address.path === '' ? await readCard(http, hub, all, { repo, commit, config }) : null
  const chosen = new Set(
    chooseHubFiles(
      all.map(({ path }) => path),
      { ...address, byCard, split: config.split },
    ),
  )
  const files = all.flatMap((file) => {
    const kind = kindOf(file.path)
    return kind === null || !chosen.has(file.path)
      ? []
      : [hubFile(file, kind, { http, address: hub.address(repo, commit, file.path), cacheDir: cacheDirOf(deps.env) })]
  })
  return { files, revision: commit }
}

async function readCard(
  http: HttpClient,
  hub: Hub,
  files: readonly HubFile[],
  { repo, commit, config }: { repo: Repo; commit: string; config: CorpusConfig },
): Promise<string[] | null> {
  const { subset, split } = config
  const card = files.find(({ path }) => path === 'README.md')
  if (card === undefined || card.size > 1 << 22) return null
  const { text } = await http.text(hub.address(repo, commit, card.path), 1 << 22)
  return filesByCard(text, { repo: repo.name, subset, split })
}

/** Parquet is read in ranges where it lies; anything else is fetched as a whole, verified and kept. */
function hubFile(
  file: HubFile,
  kind: FileKind,
  { http, address, cacheDir }: { http: HttpClient; address: Address; cacheDir: string },
): CorpusFile {
  return {
    ...kind,
    name: address.name,
    bytes: async function* () {
      const path = await download(http, address, file, { cacheDir })
      yield* localFile(path, kind, address.name).bytes()
    },
    head: () => http.stream(address),
    random: () => Promise.resolve(remoteSlices(http, address, file.size)),
  }
}

function webFile(url: string, http: HttpClient): CorpusFile {
  if (!URL.canParse(url)) throw new InputError(`corpus.source: ${url} is no address`)
  const { origin, pathname, username } = new URL(url)
  const name = `${origin}${pathname}`
  if (username !== '') throw new InputError(`corpus.source: ${name} must not hold a user name or password`)
  const kind = kindOf(pathname)
  if (kind === null) {
    throw new InputError(
      `corpus.source: ${name} is of a kind that cannot be read; its path must end with ${supportedKinds}`,
    )
  }
  const address = { url, name }
  return {
    ...kind,
    name,
    bytes: () => http.stream(address),
    random: async () => remoteSlices(http, address, await http.size(address)),
  }
}

function remoteSlices(http: HttpClient, address: Address, byteLength: number): RandomAccess {
  return {
    byteLength,
    slice: (start, end) => http.slice(address, start, Math.min(end, byteLength)),
    close: () => Promise.resolve(),
  }
}
