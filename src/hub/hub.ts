/**
 * The Hugging Face Hub's routes for datasets and models: a revision's commit, its files, their bytes. Knows neither rows nor
 * weights. Routes and headers as in the Hub's API documentation and its clients (huggingface_hub 1.x, @huggingface/hub 2.x):
 * `GET /api/datasets/REPO/revision/REV`, `GET /api/datasets/REPO/tree/COMMIT?recursive=true` (pages by `Link`),
 * `GET /datasets/REPO/resolve/COMMIT/PATH` (redirects to a store, takes ranges), errors by `X-Error-Code`. Models: the same
 * with `/api/models/REPO/…` and `/REPO/resolve/…`.
 */
import { z } from 'zod'
import { InputError } from '../core/errors.ts'
import { parseJson, type JsonValue } from '../core/json.ts'
import type { Address, HttpClient } from './http.ts'

/** A file of a repository at a commit. `sha256` for files in the large-file store, `gitOid` (of the blob) for the others. */
export interface HubFile {
  readonly path: string
  readonly size: number
  readonly sha256: string | null
  readonly gitOid: string
}

const hex = z.string().regex(/^[0-9a-f]{40,64}$/)
const revisionSchema = z.object({ sha: hex })
const entrySchema = z.object({
  type: z.string(),
  path: z.string().min(1),
  size: z.number().optional(),
  oid: hex,
  lfs: z.object({ oid: hex, size: z.number() }).optional(),
})

/** What the hub keeps under one name. */
export type RepoKind = 'dataset' | 'model'

/** A repository: `OWNER/NAME`, and what it holds. */
export interface Repo {
  readonly kind: RepoKind
  readonly name: string
}

/** Of the kinds, in the hub's routes. */
const apiPaths: Readonly<Record<RepoKind, string>> = { dataset: 'api/datasets', model: 'api/models' }
const filePaths: Readonly<Record<RepoKind, string>> = { dataset: 'datasets/', model: '' }

const pageBytes = 64 * 1024 * 1024
const pagesAtMost = 1000

export class Hub {
  private readonly http: HttpClient
  private readonly endpoint: string
  private readonly token: string | null

  /** `endpoint`: `HF_ENDPOINT`, for mirrors. `token`: `HF_TOKEN`; goes to the endpoint only. @throws {InputError} */
  constructor(http: HttpClient, env: Readonly<Record<string, string | undefined>>) {
    this.http = http
    this.endpoint = (env['HF_ENDPOINT']?.trim() || 'https://huggingface.co').replace(/\/+$/, '')
    if (!URL.canParse(this.endpoint)) throw new InputError(`HF_ENDPOINT is no address: ${this.endpoint}`)
    const token = env['HF_TOKEN']?.trim() || env['HUGGING_FACE_HUB_TOKEN']?.trim()
    if (token !== undefined && !/^[\x21-\x7e]*$/.test(token))
      throw new InputError('HF_TOKEN does not hold a usable token')
    this.token = token === undefined || token === '' ? null : token
  }

  /** The commit that a branch, tag or commit names now. */
  async commit(repo: Repo, revision: string): Promise<string> {
    const { value } = await this.json(repo, `${this.api(repo)}/revision/${encodeURIComponent(revision)}`)
    const parsed = revisionSchema.safeParse(value)
    if (!parsed.success) throw strange(repo)
    return parsed.data.sha
  }

  /** All files of a commit, in the order of their paths. */
  async files(repo: Repo, commit: string): Promise<HubFile[]> {
    const files: HubFile[] = []
    let url: string | null = `${this.api(repo)}/tree/${commit}?recursive=true&expand=false`
    for (let page = 0; url !== null; page++) {
      if (page >= pagesAtMost) throw new InputError(`${addressOf(repo)} has too many files: name a part of it`)
      const { value, headers }: { value: JsonValue; headers: Headers } = await this.json(repo, url)
      const parsed = z.array(entrySchema).safeParse(value)
      if (!parsed.success) throw strange(repo)
      for (const entry of parsed.data) {
        if (entry.type !== 'file') continue
        const { path, oid, lfs, size = 0 } = entry
        files.push({ path, size: lfs?.size ?? size, sha256: lfs?.oid ?? null, gitOid: oid })
      }
      url = this.nextPage(headers.get('link'))
    }
    return files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
  }

  /** Where a file's bytes are. */
  address(repo: Repo, commit: string, path: string): Address {
    const quoted = path.split('/').map(encodeURIComponent).join('/')
    return {
      ...this.known(repo),
      url: `${this.endpoint}/${filePaths[repo.kind]}${repo.name}/resolve/${commit}/${quoted}`,
      name: `${addressOf(repo)}@${commit.slice(0, 12)}/${path}`,
    }
  }

  private api({ kind, name }: Repo): string {
    return `${this.endpoint}/${apiPaths[kind]}/${name}`
  }

  private async json(repo: Repo, url: string): Promise<{ value: JsonValue; headers: Headers }> {
    const { text, headers } = await this.http.text({ ...this.known(repo), url, name: addressOf(repo) }, pageBytes)
    const json = parseJson(text)
    if (!json.ok) throw strange(repo)
    return { value: json.value, headers }
  }

  /** A page elsewhere would be given the token. */
  private nextPage(link: string | null): string | null {
    const next = /<([^>]+)>\s*;[^,]*\brel="?next"?/.exec(link ?? '')?.[1]
    if (next === undefined) return null
    const url = new URL(next, this.endpoint)
    if (url.origin !== new URL(this.endpoint).origin)
      throw new InputError(`the hub refers to another host: ${url.origin}`)
    return url.href
  }

  private known(repo: Repo): Pick<Address, 'headers' | 'explain'> {
    return {
      headers: this.token === null ? {} : { authorization: `Bearer ${this.token}` },
      explain: (response) => explain(repo, response, this.token !== null),
    }
  }
}

/** As people write it. */
export function addressOf({ kind, name }: Repo): string {
  return `hf://${filePaths[kind]}${name}`
}

function explain(repo: Repo, { status, headers }: Response, hasToken: boolean): string | null {
  const code = headers.get('x-error-code')
  const repository = addressOf(repo)
  if (code === 'GatedRepo') {
    return hasToken
      ? `${repository} is gated: accept its conditions on its page with the account of HF_TOKEN`
      : `${repository} is gated: accept its conditions on its page and set HF_TOKEN to a token of that account`
  }
  if (code === 'RevisionNotFound') return `${repository} has no such revision: check what stands behind the @`
  if (code === 'EntryNotFound') return `a file of ${repository} is not there any more: run the same command again`
  if (status === 401 && hasToken) return `the hub refuses HF_TOKEN, or there is no ${repository}: check both`
  // The hub answers 401 for what is not there, so as not to tell what is private.
  if (code === 'RepoNotFound' || status === 401 || status === 404) {
    return hasToken
      ? `the hub has no ${repository}, or the account of HF_TOKEN may not see it`
      : `the hub has no ${repository}, or it is private: check the name, or set HF_TOKEN`
  }
  return status === 403 ? `the hub refuses access to ${repository}: HF_TOKEN lacks the right to read it` : null
}

function strange(repo: Repo): InputError {
  return new InputError(`${addressOf(repo)}: the hub's answer is of an unknown shape (is HF_ENDPOINT a hub?)`)
}
