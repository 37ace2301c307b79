/** Opens run folders for the viewer and serves them. Knows no command line. */
import type { Clock } from '../core/clock.ts'
import { RunReader } from '../store/index.ts'
import { RunView, type ViewRules } from './reading/run-view.ts'
import { writeBundle, type BundleOptions, type BundleResult } from './bundle.ts'
import { serveRuns, type ViewServer, type ViewServerOptions } from './server/server.ts'

interface RunOptions {
  readonly dirs: readonly string[]
  readonly rules?: ViewRules
  readonly clock?: Clock
  /** Where indices of run folders are kept that cannot be written. */
  readonly cacheDir?: string
}

export interface ViewOptions extends Omit<ViewServerOptions, 'runs'>, RunOptions {}

/** @throws {InputError} when a folder is no run, or the address is taken */
async function openRuns({ dirs, ...options }: RunOptions): Promise<RunView[]> {
  const readers = await Promise.all(dirs.map((dir) => RunReader.open(dir)))
  return readers.map((reader, i) => new RunView(String(i), reader, options))
}

/** Serves run folders until closed. @throws {InputError} when a folder is no run, or the address is taken */
export async function viewRuns(options: ViewOptions): Promise<ViewServer> {
  return serveRuns({ ...options, runs: await openRuns(options) })
}

export interface BundleRunsOptions extends Omit<BundleOptions, 'runs'>, RunOptions {}

/** Writes a static site of run folders. @throws {InputError} when a folder is no run, or `outDir` holds something else */
export async function bundleRuns(options: BundleRunsOptions): Promise<BundleResult> {
  return writeBundle({ ...options, runs: await openRuns(options) })
}
