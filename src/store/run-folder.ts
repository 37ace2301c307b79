/**
 * A run folder: its layout, and the only way to write it. One process writes, under a lock; any number may read.
 * Knows where things lie, not how they come about.
 */
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { z } from 'zod'
import { systemClock, type Clock } from '../core/clock.ts'
import { errorMessage, InputError, RunFolderError } from '../core/errors.ts'
import { configSchema, manifestSchema, type Config, type RunManifest } from '../records/index.ts'
import { cannotWrite, writeFileAtomic, writeJsonAtomic } from './atomic.ts'
import { changedKeys } from './compare.ts'
import { Journal, type JournalOptions } from './journal.ts'
import { readJsonFile } from './json-file.ts'
import { JsonlWriter, writeJsonl } from './jsonl.ts'
import { acquireLock, isHeld, type Lock } from './lock.ts'

/** Where the files of a round lie. Absolute paths. */
export interface RoundPaths {
  readonly dir: string
  readonly examples: string
  /** Of what the examples were built. */
  readonly stamp: string
  readonly pairs: string
  readonly metrics: string
  readonly checkpoint: string
  readonly evaluation: string
  readonly health: string
}

/** Reads a run folder, also while another process writes it: every file but the journal appears whole or not at all. */
export class RunReader {
  readonly dir: string
  readonly manifestPath: string
  readonly configPath: string
  readonly journalDir: string
  readonly reportPath: string
  /** The sampled documents, held-out ones first. */
  readonly documentsPath: string

  constructor(dir: string) {
    this.dir = resolve(dir)
    this.manifestPath = join(this.dir, 'manifest.json')
    this.configPath = join(this.dir, 'config.json')
    this.journalDir = join(this.dir, 'journal')
    this.reportPath = join(this.dir, 'report.html')
    this.documentsPath = join(this.dir, 'documents.jsonl')
  }

  /** @throws {InputError} when `dir` is no run folder. */
  static async open(dir: string): Promise<RunReader> {
    const reader = new RunReader(dir)
    if (!looksLikeRun(await namesIn(reader.dir))) throw notARun(reader.dir)
    return reader
  }

  /** Files of one round, 1-based; 0 is what was there before the first (its evaluation). */
  round(round: number): RoundPaths {
    const dir = join(this.dir, `round-${round}`)
    return {
      dir,
      examples: join(dir, 'examples.jsonl'),
      stamp: join(dir, 'examples.stamp.json'),
      pairs: join(dir, 'pairs.jsonl'),
      metrics: join(dir, 'metrics.jsonl'),
      checkpoint: join(dir, 'checkpoint'),
      evaluation: join(dir, 'evaluation.json'),
      health: join(dir, 'health.json'),
    }
  }

  /** Rounds that have a folder, ascending. */
  async rounds(): Promise<number[]> {
    const found = (await namesIn(this.dir)).flatMap((name) => /^round-(\d{1,6})$/.exec(name)?.[1] ?? [])
    return found.map(Number).sort((a, b) => a - b)
  }

  /** Whether a process is writing this folder now. */
  async isHeld(clock: Clock = systemClock): Promise<boolean> {
    return isHeld(this.dir, clock)
  }

  /**
   * Where a round's examples are now: the finished file, or the one being written, whose last line may be torn.
   * Null when there is neither.
   */
  async examplesSoFar(round: number): Promise<{ path: string; finished: boolean } | null> {
    const { dir, examples } = this.round(round)
    const names = await namesIn(dir)
    if (names.includes('examples.jsonl')) return { path: examples, finished: true }
    const drafts = names.filter((name) => name.startsWith('examples.jsonl.') && name.endsWith('.tmp'))
    const dated = await Promise.all(
      drafts.map(async (name) => ({ name, at: (await stat(join(dir, name)).catch(() => null))?.mtimeMs ?? 0 })),
    )
    const newest = dated.sort((a, b) => b.at - a.at)[0]
    return newest === undefined ? null : { path: join(dir, newest.name), finished: false }
  }

  /** Those of which examples were written. */
  async roundsWithExamples(): Promise<number[]> {
    const rounds = await this.rounds()
    const files = await Promise.all(rounds.map((round) => stat(this.round(round).examples).catch(() => null)))
    return rounds.filter((_, i) => files[i]?.isFile() === true)
  }

  /** Null before the run wrote one. */
  async readManifest(): Promise<RunManifest | null> {
    return this.readJson(this.manifestPath, manifestSchema)
  }

  /** The resolved configuration; null before the run wrote one. */
  async readConfig(): Promise<Config | null> {
    return this.readJson(this.configPath, configSchema)
  }

  /** A view of the journal as it is now. Close it. */
  async readJournal(options: Pick<JournalOptions, 'groupOf'> = {}): Promise<Journal> {
    return Journal.open(this.journalDir, { ...options, readOnly: true })
  }

  /** A file of this folder read against its schema; null where it is missing. @throws {RunFolderError} */
  async readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
    return readJsonFile(path, schema)
  }
}

/** The one writer of a run folder. Close it. */
export class RunFolder extends RunReader {
  readonly journal: Journal
  private readonly lock: Lock

  private constructor(dir: string, journal: Journal, lock: Lock) {
    super(dir)
    this.journal = journal
    this.lock = lock
  }

  /**
   * Takes the lock and reads the journal, repairing a torn last line.
   * @throws {RunFolderError} when another process holds the folder; when it is missing and `create` is not set; when
   * it holds something else than a run.
   */
  static override async open(dir: string, options: { create?: boolean; clock?: Clock } = {}): Promise<RunFolder> {
    const path = resolve(dir)
    const names = await namesIn(path)
    if (!looksLikeRun(names)) {
      if (options.create !== true) throw notARun(path)
      if (names.length > 0) {
        throw new RunFolderError(`${path} holds other files and no run; choose a new or empty folder with --run DIR`)
      }
      await mkdir(path, { recursive: true }).catch((error: unknown) => {
        throw cannotWrite(path, error)
      })
    }
    const lock = await acquireLock(path, options.clock ?? systemClock)
    try {
      return new RunFolder(path, await Journal.open(join(path, 'journal')), lock)
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  async writeManifest(manifest: RunManifest): Promise<void> {
    await writeJsonAtomic(this.manifestPath, manifestSchema.parse(manifest))
  }

  /**
   * Stores the resolved configuration; tells which keys differ from the stored one (none on a first run). A changed
   * configuration is no error: what depends on a changed key misses its journal entries, the rest is kept.
   */
  async writeConfig(config: Config): Promise<{ changed: string[] }> {
    // Compared as it stands: a stored file from another version still tells what differs.
    const before = await this.readJson(this.configPath, z.json())
    const changed = before === null ? [] : changedKeys(before, config)
    if (before === null || changed.length > 0) await writeJsonAtomic(this.configPath, config)
    return { changed }
  }

  /** Replaces a JSON file of this folder in one step. */
  async writeJson(path: string, value: unknown): Promise<void> {
    await writeJsonAtomic(this.inside(path), value)
  }

  /** Replaces a JSONL file of this folder in one step. */
  async writeJsonl(path: string, values: Iterable<unknown> | AsyncIterable<unknown>): Promise<void> {
    await writeJsonl(this.inside(path), values)
  }

  /** As `writeJsonl`, for values that come one by one. Commit or discard it. */
  async openJsonl(path: string): Promise<JsonlWriter> {
    return JsonlWriter.open(this.inside(path))
  }

  /** Replaces a text file of this folder in one step. */
  async writeText(path: string, text: string): Promise<void> {
    await writeFileAtomic(this.inside(path), text)
  }

  /** Forces the journal to the disk and gives the folder back. */
  async close(): Promise<void> {
    try {
      await this.journal.close()
    } finally {
      await this.lock.release()
    }
  }

  private inside(path: string): string {
    const full = resolve(this.dir, path)
    if (!full.startsWith(this.dir + sep)) throw new Error(`not inside the run folder: ${full}`)
    return full
  }
}

async function namesIn(dir: string): Promise<string[]> {
  return readdir(dir).catch((error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return []
    if (code === 'ENOTDIR')
      throw new RunFolderError(`${dir} is a file, not a run folder; choose another with --run DIR`)
    throw new RunFolderError(`Cannot read ${dir}: ${errorMessage(error)}`, { cause: error })
  })
}

function looksLikeRun(names: readonly string[]): boolean {
  return ['manifest.json', 'config.json', 'journal', '.lock'].some((name) => names.includes(name))
}

function notARun(dir: string): InputError {
  return new InputError(`There is no run in ${dir}; start one with: pop run CONFIG --run ${dir}`)
}
