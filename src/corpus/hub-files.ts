/** Which of a dataset's files make the corpus. Pure: paths in, paths out. */
import picomatch from 'picomatch'
import { InputError } from '../core/errors.ts'
import type { HubAddress } from '../hub/index.ts'
import { kindOf, supportedKinds, type CorpusFormat } from './kinds.ts'

/** A path of a dataset as its files are looked for: `byCard` are globs from its card, null when that says nothing. */
export interface HubSelection extends HubAddress {
  readonly byCard: readonly string[] | null
  readonly split: string | undefined
}

const preference: readonly CorpusFormat[] = ['parquet', 'jsonl', 'text']

/**
 * The paths to read: those under the named path or glob; else those that the card names; else, of all, those whose path
 * has the split in its name (as the `datasets` library does), else all. A dataset that holds its rows in several
 * formats is read in one: Parquet before JSONL before text.
 * @throws {InputError} when nothing is left
 */
export function chooseHubFiles(paths: readonly string[], selection: HubSelection): string[] {
  const readable = paths.filter((path) => kindOf(path) !== null && !isAboutTheData(path))
  const { repo, path, split, byCard } = selection
  if (path !== '') return requireSome(oneFormat(underPath(readable, path)), `has no readable file at "${path}"`, repo)
  if (byCard !== null) {
    return requireSome(oneFormat(matching(readable, byCard)), 'has no readable file where its card says', repo)
  }
  const inSplit = readable.filter((found) => namesSplit(found, split ?? 'train'))
  if (split !== undefined) return requireSome(oneFormat(inSplit), `has no file of a split "${split}"`, repo)
  return requireSome(oneFormat(inSplit.length > 0 ? inSplit : readable), 'has no readable file', repo)
}

function underPath(paths: readonly string[], wanted: string): string[] {
  const exact = paths.filter((path) => path === wanted || path.startsWith(`${wanted}/`))
  return exact.length > 0 ? exact : matching(paths, [wanted])
}

function matching(paths: readonly string[], globs: readonly string[]): string[] {
  const matches = picomatch(globs.map((glob) => glob.replace(/^\.?\//, '')))
  return paths.filter((path) => matches(path))
}

function oneFormat(paths: readonly string[]): string[] {
  const best = preference.find((format) => paths.some((path) => kindOf(path)?.format === format))
  return paths.filter((path) => kindOf(path)?.format === best)
}

/** `data/train-00000-of-00010.parquet`, `train/x.jsonl`, but not `constrained/x.jsonl`. */
function namesSplit(path: string, split: string): boolean {
  return path
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .includes(split.toLowerCase())
}

function isAboutTheData(path: string): boolean {
  const parts = path.split('/')
  return (
    parts.some((part) => part.startsWith('.')) || /^(readme|license|changelog|citation)\b/i.test(parts.at(-1) ?? '')
  )
}

function requireSome(paths: string[], what: string, repo: string): string[] {
  if (paths.length > 0) return paths
  throw new InputError(
    `corpus.source: hf://datasets/${repo} ${what}; files that end with ${supportedKinds} are read, ` +
      `and the hub's own Parquet copy may be at hf://datasets/${repo}@refs/convert/parquet`,
  )
}
