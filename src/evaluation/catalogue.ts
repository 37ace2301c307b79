/** Every suite that can be asked for by name, with the files it reads and whether it needs a judge. Opens no file and no model. */
import { ConfigError } from '../core/errors.ts'
import type { LanguageModel, SuiteName } from '../records/index.ts'
import type { SuiteSampling } from './question-suite.ts'
import type { Suite } from './suite.ts'
import { alpacaEvalSuite } from './suites/alpaca-eval.ts'
import { arenaHardSuite, type ArenaHardName } from './suites/arena-hard.ts'
import { creativeWritingSuite } from './suites/creative-writing.ts'
import { gsm8kSuite } from './suites/gsm8k.ts'
import { healthBenchSuite, type HealthBenchName } from './suites/healthbench.ts'
import { ifevalSuite } from './suites/ifeval.ts'
import { math500Suite } from './suites/math-500.ts'
import { mmluProSuite } from './suites/mmlu-pro.ts'
import type { SuiteFile } from './suites/rows.ts'

/** What a caller hands to a suite. */
export interface SuiteRequest {
  /** The suite's files by part: `main`, and the names that the entry lists. */
  readonly files: Readonly<Record<string, SuiteFile | undefined>>
  readonly judge?: LanguageModel | undefined
  /** In place of the suite's own sampling. */
  readonly sampling?: Partial<SuiteSampling> | undefined
  readonly limit?: number | undefined
}

export interface SuiteEntry {
  /** One line for people. */
  readonly summary: string
  /** Parts besides `main`: `mmlu-pro.validation` is the part `validation`. */
  readonly parts: readonly string[]
  /** Parts that it cannot do without. */
  readonly required?: readonly string[]
  readonly needsJudge: boolean
  readonly sampling: SuiteSampling
  make(request: ReadyRequest): Suite
}

/** A request with what every suite needs in place. */
export interface ReadyRequest extends SuiteRequest {
  readonly main: SuiteFile
  readonly sampling: SuiteSampling
}

/** Suites read from files: all but the held-out corpus and the laboratory's oracle. */
export type FileSuiteName = Exclude<SuiteName, 'heldout' | 'oracle'>

const greedy = (maxTokens: number): SuiteSampling => ({ temperature: 0, topP: 1, maxTokens, samples: 1 })

export const suiteCatalogue: Readonly<Record<FileSuiteName, SuiteEntry>> = {
  ifeval: {
    summary: 'verifiable instructions, judged by 25 programs',
    parts: [],
    needsJudge: false,
    sampling: greedy(1280),
    make: ({ main, sampling, limit }) => ifevalSuite({ file: main, sampling, limit }),
  },
  healthbench: healthBench('healthbench', 'health conversations, every rubric item judged alone'),
  'healthbench-hard': healthBench('healthbench-hard', 'the 1,000 hard conversations of HealthBench'),
  'healthbench-consensus': healthBench('healthbench-consensus', 'HealthBench with criteria that physicians agreed on'),
  'arena-hard': arenaHard('arena-hard', '500 hard requests (Arena-Hard 2.0), against a baseline in both orders'),
  'arena-hard-creative': arenaHard('arena-hard-creative', 'the creative requests of Arena-Hard 2.0'),
  'alpaca-eval': {
    summary: 'AlpacaEval 2: against the outputs of a baseline, length-controlled; part alpaca-eval.gamed: df_gamed.csv',
    parts: ['gamed'],
    needsJudge: true,
    sampling: greedy(2048),
    make: ({ main, files, judge, sampling, limit }) =>
      alpacaEvalSuite({ file: main, gamed: files['gamed'], judge: judgeOf('alpaca-eval', judge), sampling, limit }),
  },
  'creative-writing': {
    summary: 'creative writing in the manner of EQ-Bench v3, 22 criteria',
    parts: ['criteria', 'negative', 'judge-prompt'],
    required: ['criteria', 'negative'],
    needsJudge: true,
    sampling: { temperature: 0.7, topP: 1, maxTokens: 4000, samples: 3 },
    make: ({ main, files, judge, sampling, limit }) =>
      creativeWritingSuite({
        file: main,
        criteria: partOf('creative-writing', files, 'criteria'),
        negative: partOf('creative-writing', files, 'negative'),
        judgePrompt: files['judge-prompt'],
        judge: judgeOf('creative-writing', judge),
        sampling,
        limit,
      }),
  },
  gsm8k: {
    summary: 'word problems of grade school, last number',
    parts: [],
    needsJudge: false,
    sampling: greedy(1024),
    make: ({ main, sampling, limit }) => gsm8kSuite({ file: main, sampling, limit }),
  },
  'math-500': {
    summary: 'competition mathematics, boxed answer',
    parts: [],
    needsJudge: false,
    sampling: greedy(4096),
    make: ({ main, sampling, limit }) => math500Suite({ file: main, sampling, limit }),
  },
  'mmlu-pro': {
    summary: 'knowledge and reasoning, up to ten options; part mmlu-pro.validation: the worked examples',
    parts: ['validation'],
    needsJudge: false,
    sampling: greedy(2048),
    make: ({ main, files, sampling, limit }) =>
      mmluProSuite({ file: main, shots: files['validation'], sampling, limit }),
  },
}

function healthBench(name: HealthBenchName, summary: string): SuiteEntry {
  return {
    summary,
    parts: [],
    needsJudge: true,
    sampling: greedy(2048),
    make: ({ main, judge, sampling, limit }) =>
      healthBenchSuite({ name, file: main, judge: judgeOf(name, judge), sampling, limit }),
  }
}

function arenaHard(name: ArenaHardName, summary: string): SuiteEntry {
  return {
    summary: `${summary}; part ${name}.baseline: the baseline's answers`,
    parts: ['baseline'],
    required: ['baseline'],
    needsJudge: true,
    sampling: greedy(4096),
    make: ({ main, files, judge, sampling, limit }) =>
      arenaHardSuite({
        name,
        file: main,
        baseline: partOf(name, files, 'baseline'),
        judge: judgeOf(name, judge),
        sampling,
        limit,
      }),
  }
}

/**
 * What can be said before a file is read or a model fetched.
 * @throws {ConfigError} when the suite's file, a part that it cannot do without, or its judge is missing
 */
export function requireParts(
  name: FileSuiteName,
  { parts, hasJudge }: { readonly parts: readonly string[]; readonly hasJudge: boolean },
): void {
  const { required = [], needsJudge } = suiteCatalogue[name]
  if (!parts.includes('main')) throw noData(name)
  const missing = required.find((part) => !parts.includes(part))
  if (missing !== undefined) throw noPart(name, missing)
  if (needsJudge && !hasJudge) throw noJudge(name)
}

function noData(name: FileSuiteName): ConfigError {
  return new ConfigError(`${name} needs its data: --data ${name}=FILE, or evaluation.data.${name} in the configuration`)
}

function noJudge(name: FileSuiteName): ConfigError {
  return new ConfigError(
    `${name} needs a judge: --judge URL#MODEL or --judge MODEL_DIR, or evaluation.judge in the configuration`,
  )
}

function noPart(name: FileSuiteName, part: string): ConfigError {
  return new ConfigError(
    `${name} needs its part "${part}": --data ${name}.${part}=FILE, or evaluation.data["${name}.${part}"] in the configuration`,
  )
}

function judgeOf(name: FileSuiteName, judge: LanguageModel | undefined): LanguageModel {
  if (judge === undefined) throw noJudge(name)
  return judge
}

function partOf(name: FileSuiteName, files: SuiteRequest['files'], part: string): SuiteFile {
  const file = files[part]
  if (file === undefined) throw noPart(name, part)
  return file
}

export function isFileSuite(name: string): name is FileSuiteName {
  return Object.hasOwn(suiteCatalogue, name)
}

/**
 * Makes a suite by name.
 * @throws {ConfigError} when its file or judge is missing; {InputError} when a file is not the suite's
 */
export function makeSuite(name: FileSuiteName, request: SuiteRequest): Suite {
  const entry = suiteCatalogue[name]
  const { main } = request.files
  requireParts(name, { parts: Object.keys(request.files), hasJudge: request.judge !== undefined })
  if (main === undefined) throw noData(name)
  const sampling = { ...entry.sampling, ...request.sampling }
  return entry.make({ ...request, main, sampling: sampling.temperature === 0 ? { ...sampling, samples: 1 } : sampling })
}
