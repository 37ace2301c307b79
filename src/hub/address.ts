/**
 * `hf://datasets/OWNER/NAME[@REVISION][/PATH]` and `hf://OWNER/NAME[@REVISION]` (a model) taken apart, as the Hub's own file
 * system writes addresses: a path may be a glob, and the revisions `refs/convert/parquet` and `refs/pr/N` may be written
 * as they are. Knows no network.
 */
import { InputError } from '../core/errors.ts'

export interface HubAddress {
  /** `OWNER/NAME`. */
  readonly repo: string
  readonly revision: string
  /** A file, folder or glob; empty for all. */
  readonly path: string
}

const scheme = 'hf://'
const name = '[A-Za-z0-9][A-Za-z0-9._-]{0,95}'
const shape = new RegExp(
  `^datasets/(?<repo>${name}/${name})(?:@(?<revision>refs/(?:convert|pr)/[\\w-]+|[^/]+))?(?:/(?<path>.*))?$`,
)

const modelShape = new RegExp(`^(?<repo>${name}/${name})(?:@(?<revision>refs/pr/\\d+|[^/]+))?/?$`)

/** Whether a source is one of the hub's. */
export function isHubAddress(source: string): boolean {
  return source.startsWith(scheme)
}

/** @throws {InputError} */
export function parseHubAddress(source: string): HubAddress {
  const found = shape.exec(source.slice(scheme.length))?.groups
  const { repo, revision = 'main', path = '' } = found ?? {}
  if (repo === undefined) {
    throw new InputError(
      `corpus.source: ${source} is no dataset of the hub; write hf://datasets/OWNER/NAME, ` +
        'with @REVISION behind it for a fixed one and /PATH (a file, folder or glob) for a part',
    )
  }
  return { repo, revision: decoded(revision), path: path.replace(/\/+$/, '') }
}

/** A model's address. @throws {InputError} */
export function parseModelAddress(source: string): Omit<HubAddress, 'path'> {
  const { repo, revision = 'main' } = modelShape.exec(source.slice(scheme.length))?.groups ?? {}
  if (repo === undefined || !isHubAddress(source) || repo.startsWith('datasets/')) {
    throw new InputError(
      `${source} is no model of the hub; write hf://OWNER/NAME, with @REVISION behind it for a fixed one`,
    )
  }
  return { repo, revision: decoded(revision) }
}

function decoded(revision: string): string {
  try {
    return decodeURIComponent(revision)
  } catch {
    return revision
  }
}
