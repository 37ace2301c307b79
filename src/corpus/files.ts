/** From a source as people write it (file, folder, glob) to a list of files. Knows no content. */
import { stat } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { glob, isDynamicPattern } from 'tinyglobby'
import { InputError } from '../core/errors.ts'

/** What can be read, by the end of the name. */
const corpusExtensions = ['.jsonl', '.txt', '.md'] as const
type CorpusExtension = (typeof corpusExtensions)[number]

const supported = corpusExtensions.join(', ')

export interface CorpusFile {
  /** Absolute. */
  readonly path: string
  readonly extension: CorpusExtension
}

/**
 * The files of a source, sorted by path, so that no file system's own order matters. A path that exists is taken as it
 * is, even with glob characters in it; folders are read to any depth.
 * @throws {InputError} when there is nothing, or nothing that can be read; the message says what to do.
 */
export async function findCorpusFiles(source: string): Promise<CorpusFile[]> {
  const path = resolve(source)
  const found = await stat(path).catch(() => null)
  if (found?.isFile() === true) return [requireSupported(path)]
  if (found?.isDirectory() === true) {
    return requireSome(await list(['**/*'], path), `the folder ${source} holds no file that ends with ${supported}`)
  }
  if (!isDynamicPattern(source)) {
    throw new InputError(`corpus.source: ${source} does not exist (looked at ${path})`)
  }
  const pattern = process.platform === 'win32' ? source.replaceAll('\\', '/') : source
  return requireSome(await list([pattern], process.cwd()), `no file that ends with ${supported} matches ${source}`)
}

async function list(patterns: string[], cwd: string): Promise<CorpusFile[]> {
  const paths = await glob(patterns, { cwd, absolute: true, dot: false, expandDirectories: true })
  const files = paths.map((path) => resolve(path)).flatMap((path) => withExtension(path) ?? [])
  return files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}

function withExtension(path: string): CorpusFile | null {
  const extension = corpusExtensions.find((known) => known === extname(path).toLowerCase())
  return extension === undefined ? null : { path, extension }
}

function requireSupported(path: string): CorpusFile {
  const file = withExtension(path)
  if (file !== null) return file
  throw new InputError(`corpus.source: ${path} is of a kind that cannot be read; give files that end with ${supported}`)
}

function requireSome(files: CorpusFile[], otherwise: string): CorpusFile[] {
  if (files.length === 0) throw new InputError(`corpus.source: ${otherwise}`)
  return files
}
