/** The benchmarks of a configuration or a command line: files read, judge opened, suites made. */
import { basename } from 'node:path'
import { ConfigError } from '../core/errors.ts'
import { readTableAt, type CorpusDeps } from '../corpus/index.ts'
import {
  isFileSuite,
  makeSuite,
  requireParts,
  suiteCatalogue,
  type FileSuiteName,
  type Suite,
  type SuiteFile,
  type SuiteRequest,
} from '../evaluation/index.ts'
import type { Config, LanguageModel } from '../records/index.ts'
import type { ModelHouse } from './models.ts'

export interface FileSuitesOptions {
  readonly names: readonly FileSuiteName[]
  /** Paths or addresses of the hub by suite (`gsm8k`) or by suite and part (`mmlu-pro.validation`). */
  readonly data: Readonly<Record<string, string>>
  readonly judge?: LanguageModel | undefined
  readonly sampling?: SuiteRequest['sampling']
  readonly limit?: number | undefined
  /** For files of the hub. */
  readonly deps: CorpusDeps
}

/** The benchmarks among `evaluation.suites`, their files read. */
export async function configuredBenchmarks({ evaluation }: Config, models: ModelHouse): Promise<Suite[]> {
  const { suites, data, judge, limit } = evaluation
  return fileSuites({
    names: suites.filter((name) => isFileSuite(name)),
    data,
    judge: judge === undefined ? models.initialPolicy : models.open(judge),
    limit,
    deps: { env: models.env },
  })
}

/**
 * What is wrong with the choice of suites, before a file is read or a model fetched.
 * @throws {ConfigError} when a name in `data` belongs to no suite, or a suite lacks its file or judge
 */
export function checkSuites(
  names: readonly FileSuiteName[],
  { data, hasJudge }: { readonly data: Readonly<Record<string, string>>; readonly hasJudge: boolean },
): void {
  for (const key of Object.keys(data)) checkKey(key)
  for (const name of names) requireParts(name, { parts: partsOf(name, data).map(([part]) => part), hasJudge })
}

/**
 * Makes the suites.
 * @throws {ConfigError} when a name in `data` belongs to no suite, or a suite lacks its file or judge; {InputError} when
 * a file cannot be read
 */
export async function fileSuites(options: FileSuitesOptions): Promise<Suite[]> {
  for (const key of Object.keys(options.data)) checkKey(key)
  const suites: Suite[] = []
  for (const name of options.names) {
    const files: Record<string, SuiteFile> = {}
    for (const [part, path] of partsOf(name, options.data)) files[part] = await readFile(path, options.deps)
    suites.push(makeSuite(name, { files, judge: options.judge, sampling: options.sampling, limit: options.limit }))
  }
  return suites
}

function partsOf(name: FileSuiteName, data: Readonly<Record<string, string>>): [string, string][] {
  return ['main', ...suiteCatalogue[name].parts].flatMap((part): [string, string][] => {
    const path = data[part === 'main' ? name : `${name}.${part}`]
    return path === undefined ? [] : [[part, path]]
  })
}

function checkKey(key: string): void {
  const [name = '', part] = key.split('.')
  if (isFileSuite(name) && (part === undefined || suiteCatalogue[name].parts.includes(part))) return
  const known = Object.entries(suiteCatalogue).flatMap(([suite, { parts }]) => [
    suite,
    ...parts.map((one) => `${suite}.${one}`),
  ])
  throw new ConfigError(`no suite reads data named "${key}"; known: ${known.join(', ')}`)
}

/** The record names the file, not where it lies on this machine; of the hub's, its whole address and its commit. */
async function readFile(source: string, deps: CorpusDeps): Promise<SuiteFile> {
  const { sha256, rows, text, revision } = await readTableAt(source, deps)
  const info =
    revision === undefined
      ? { source: basename(source), sha256, rows: rows.length }
      : { source, revision, sha256, rows: rows.length }
  return text === undefined ? { info, rows } : { info, rows, text }
}
