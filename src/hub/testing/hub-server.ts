/**
 * A hub on this machine for tests: the routes, headers and refusals of the real one, and a second host that holds the
 * bytes, as the real one's store does. It can be told to break connections.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface HubServerOptions {
  /** Path to content. */
  readonly files: Readonly<Record<string, string | Uint8Array>>
  readonly repo?: string
  /** Default: a dataset. */
  readonly kind?: 'dataset' | 'model'
  /** Files per page of the listing. */
  readonly pageSize?: number
  /** Who does not send it, sees nothing. */
  readonly token?: string
  readonly gated?: boolean
  /** The store answers for this path with other bytes of the same length. */
  readonly wrongBytes?: string
  /** The store sends more bytes for this path than its length. */
  readonly longerBytes?: string
}

export interface HubServer {
  readonly endpoint: string
  readonly commit: string
  /** Requests to the hub and to its store, in order: `GET /path [range]`. */
  readonly requests: string[]
  readonly storeRequests: { path: string; range: string | undefined; authorization: string | undefined }[]
  /** The store breaks off its next answers after so many bytes. */
  breakAfter: number[]
  /** The hub or its store answers so with the next requests. */
  answerNext: { status: number; headers?: Record<string, string> }[]
  close(): Promise<void>
}

const lfsFrom = 100

/** Large files (over 100 bytes) are in the store by their SHA-256, small ones in git by their blob's SHA-1. */
export async function startHub(options: HubServerOptions): Promise<HubServer> {
  const files = new Map(
    Object.entries(options.files).map(([path, content]) => [path, Buffer.from(content as Uint8Array)] as const),
  )
  const commit = createHash('sha1')
    .update([...files.keys()].join())
    .digest('hex')
  const store = createServer((request, response) => {
    const { url = '' } = request
    const { authorization } = request.headers
    hub.storeRequests.push({ path: url, range: request.headers.range, authorization })
    if (answered(hub, response)) return
    const path = decodeURIComponent(url.slice(1))
    sendBytes(request, response, stored(path, files.get(path), options), hub.breakAfter.shift())
  })
  const front = createServer((request, response) => {
    hub.requests.push(`GET ${request.url ?? ''}`)
    if (answered(hub, response)) return
    route(request, response)
  })
  const storeUrl = await listen(store)
  const hub: HubServer = {
    endpoint: await listen(front),
    commit,
    requests: [],
    storeRequests: [],
    breakAfter: [],
    answerNext: [],
    close: async () => {
      for (const server of [store, front]) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
  const { repo = 'owner/name', kind = 'dataset' } = options
  const folder = kind === 'dataset' ? '/datasets' : ''

  function route(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', hub.endpoint)
    const refused = refusal(url, request, { ...options, repo })
    if (refused !== null) {
      response.writeHead(refused.status, { 'x-error-code': refused.code }).end('{"error":"refused"}')
      return
    }
    const api = `/api/${kind}s/${repo}`
    const revision = url.pathname.slice(`${api}/revision/`.length)
    if (url.pathname.startsWith(`${api}/revision/`)) {
      if (['main', commit, 'refs%2Fconvert%2Fparquet'].includes(revision)) sendJson(response, { id: repo, sha: commit })
      else response.writeHead(404, { 'x-error-code': 'RevisionNotFound' }).end()
    } else if (url.pathname === `${api}/tree/${commit}`) sendTree(url, response)
    else sendFile(url, response)
  }

  function sendTree(url: URL, response: ServerResponse): void {
    const entries = [...files].map(([path, content]) => treeEntry(path, content))
    const all = [{ type: 'directory', oid: commit, size: 0, path: 'data' }, ...entries]
    const start = Number(url.searchParams.get('cursor') ?? 0)
    const end = start + (options.pageSize ?? 1000)
    if (end < all.length) {
      const next = new URL(url)
      next.searchParams.set('cursor', String(end))
      response.setHeader('link', `<${next.href}>; rel="next"`)
    }
    sendJson(response, all.slice(start, end))
  }

  function sendFile(url: URL, response: ServerResponse): void {
    const prefix = `${folder}/${repo}/resolve/${commit}/`
    const path = decodeURIComponent(url.pathname.slice(prefix.length))
    const content = files.get(path)
    if (!url.pathname.startsWith(prefix) || content === undefined) {
      response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end()
    } else if (content.length > lfsFrom) {
      const headers = {
        'x-repo-commit': commit,
        'x-linked-size': content.length,
        'x-linked-etag': `"${sha256(content)}"`,
      }
      response.writeHead(302, { ...headers, location: `${storeUrl}/${encodeURIComponent(path)}` }).end()
    } else {
      response.writeHead(200, { 'x-repo-commit': commit, 'content-length': content.length }).end(content)
    }
  }

  return hub
}

/** What the store has for a path: the file, or what a test puts in its place. */
function stored(path: string, content: Buffer | undefined, options: HubServerOptions): Buffer | undefined {
  if (path === options.wrongBytes) return content?.map((byte) => byte ^ 1) as Buffer | undefined
  if (path === options.longerBytes) return Buffer.concat([content ?? Buffer.alloc(0), Buffer.alloc(1 << 20)])
  return content
}

function refusal(
  url: URL,
  { headers }: IncomingMessage,
  { repo, kind, token, gated }: HubServerOptions & { repo: string },
): { status: number; code: string } | null {
  const folder = kind === 'model' ? '' : '/datasets'
  const known = [`${folder}/${repo}/`, `/api/${kind ?? 'dataset'}s/${repo}/`].some((start) =>
    url.pathname.startsWith(start),
  )
  const allowed = token === undefined || headers.authorization === `Bearer ${token}`
  if (!known || (!allowed && gated !== true)) return { status: 401, code: 'RepoNotFound' }
  return allowed ? null : { status: headers.authorization === undefined ? 401 : 403, code: 'GatedRepo' }
}

function treeEntry(path: string, content: Buffer): object {
  const blob = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
  const base = { type: 'file', oid: blob, size: content.length, path }
  return content.length > lfsFrom
    ? { ...base, lfs: { oid: sha256(content), size: content.length, pointerSize: 134 } }
    : base
}

function sendBytes(
  { headers }: IncomingMessage,
  response: ServerResponse,
  content: Buffer | undefined,
  breakAfter: number | undefined,
): void {
  if (content === undefined) {
    response.writeHead(404).end()
    return
  }
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '')
  const start = Number(range?.[1] ?? 0)
  const end =
    range?.[2] === undefined || range[2] === '' ? content.length : Math.min(Number(range[2]) + 1, content.length)
  const part = content.subarray(start, end)
  const tag = { etag: `"${sha256(content)}"`, 'content-length': part.length }
  response.writeHead(range === null ? 200 : 206, {
    ...tag,
    ...(range === null ? {} : { 'content-range': `bytes ${start}-${end - 1}/${content.length}` }),
  })
  if (breakAfter === undefined) response.end(part)
  else response.write(part.subarray(0, breakAfter), () => setTimeout(() => response.destroy(), 20))
}

function answered(hub: HubServer, response: ServerResponse): boolean {
  const next = hub.answerNext.shift()
  if (next === undefined) return false
  response.writeHead(next.status, next.headers).end()
  return true
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
