/** `pop eval`: benchmarks over a run's rounds, a model folder or an endpoint. The same command goes on where it stopped. */
import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { InputError, UsageError } from '../../core/errors.ts'
import { isFileSuite, suiteCatalogue, type FileSuiteName, type Suite } from '../../evaluation/index.ts'
import { checkSuites, evaluatePolicies, fileSuites, ModelHouse } from '../../pipeline/index.ts'
import { configSchema, type Config, type ModelEndpoint, type SuiteResult } from '../../records/index.ts'
import { RunFolder, type RunReader } from '../../store/index.ts'
import { checkRegression } from '../check-regression.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { compareWithCorpus } from '../compare-corpus.ts'
import { readEndpoint } from '../endpoint.ts'
import { checkHeldOut, HELD_OUT, heldOutFor, heldOutSource, type HeldOutSource } from '../held-out.ts'
import { localEndpoint } from '../model-source.ts'
import { suggestion } from '../nearest.ts'
import { createProgress } from '../progress.ts'
import { readRun } from '../read-run.ts'
import { checkJudges } from '../run-judges.ts'
import { resultNotes, resultsTable } from '../results-table.ts'

const suiteNames = [HELD_OUT, ...Object.keys(suiteCatalogue)]

export const evalCommand: Command = {
  name: 'eval',
  summary: 'measure a run, a model folder or an endpoint on benchmarks',
  usage: 'RUN|MODEL_DIR|URL#MODEL --suite NAME[,NAME] [--data NAME=FILE[,NAME=FILE]]',
  examples: [
    ['pop eval ./model --suite gsm8k --data gsm8k=test.jsonl', 'a model folder on one benchmark'],
    ['pop eval runs/my-run --suite ifeval --data ifeval=input_data.jsonl', 'every round of a run, the start included'],
    [
      'pop eval http://localhost:8000/v1#my-model --suite math-500 --data math-500=math_500_test.csv --limit 100 --json',
      'an endpoint, 100 questions chosen by the seed, every answer and verdict as JSON',
    ],
    [
      'pop eval ./other-model --suite heldout --of runs/my-run',
      "another model on a run's own held-out questions, against the model that run began with",
    ],
    [
      'pop eval ./model --suite gsm8k --data gsm8k=test.jsonl --corpus "./documents/*.jsonl"',
      'also says how many questions share 13 words in a row with a document',
    ],
    ['pop eval compare evals/before evals/after', 'two results on the same questions'],
  ],
  options: {
    suite: { value: 'NAME[,NAME]', help: `what to measure: ${suiteNames.join(', ')}` },
    data: { value: 'NAME=FILE,…', help: 'the files of the suites; NAME.PART=FILE for further parts' },
    judge: {
      value: 'URL#MODEL|DIR',
      help: 'who judges, in suites that need a judge (default: evaluation.judge of the run)',
    },
    'second-judge': {
      value: 'URL#MODEL|DIR',
      help: 'judges heldout beside it (default: evaluation.secondJudge of the run)',
    },
    of: { value: 'RUN', help: 'whose held-out questions a model folder or an endpoint is asked' },
    corpus: { value: 'SOURCE', help: 'compare the suites with this training corpus (default: what the run plays on)' },
    'corpus-field': { value: 'NAME', help: 'key or column of its texts (default: text)' },
    limit: { value: 'N', help: 'questions per suite: the first of a seeded shuffle (heldout of a run: with --out)' },
    samples: { value: 'N', help: 'sampled answers per question (with --temperature; not heldout)' },
    temperature: { value: 'T', help: "of the answers (default: the suite's own; 0 is greedy)" },
    'max-tokens': { value: 'N', help: "longest answer in tokens (default: the suite's own)" },
    round: { value: 'N', help: 'only this round of a run; 0 is the start (default: all)' },
    seed: { value: 'N', help: "of sampling and choice (default: the run's, that of --of, or 45)" },
    concurrency: { value: 'N', help: 'samples in flight (default: what each model takes)' },
    'api-key-env': { value: 'VARIABLE', help: "environment variable with the endpoint's key" },
    'judge-key-env': { value: 'VARIABLE', help: "environment variable with the judges' key" },
    out: { value: 'DIR', help: 'where results and finished calls are kept (default: the run, or evals/NAME)' },
    json: { ...jsonOption, help: 'print { folder, results }, every answer and verdict included' },
  },
  positionals: { min: 1, max: 1 },
  run: runEval,
}

async function runEval(invocation: Invocation, context: Context): Promise<void> {
  const { terminal, clock, signal, environment } = context
  const request = await readRequest(invocation)
  const target = await openTarget(invocation, request, context)
  const progress = createProgress(terminal, clock)
  const onNotice = (text: string): void => progress.onEvent({ type: 'note', text })
  const models = new ModelHouse(target.config, { env: environment, clock, onNotice }, signal)
  try {
    const suites = await readySuites(context, { request, target, models })
    const contamination = await compareWithCorpus(invocation, { ...target, suites }, context)
    const policies = target.policies(models)
    const folder = await RunFolder.open(target.folder, { create: true })
    try {
      const results = await evaluatePolicies({
        folder,
        policies,
        suites,
        contamination,
        seed: request.seed ?? target.config.seed,
        concurrency: request.concurrency ?? 'auto',
        clock,
        signal,
        onEvent: progress.onEvent,
      })
      progress.stop()
      await terminal.write(invocation.has('json') ? asJson(folder.dir, results) : asText(folder.dir, results))
      checkRegression(target.config, results)
    } finally {
      await folder.close()
    }
  } finally {
    progress.stop()
    await models.release()
  }
}

/** What the command line asks for, as far as that can be told without any model. */
interface EvalRequest {
  /** The run that is measured, where it is one. */
  readonly run: string | undefined
  readonly files: readonly FileSuiteName[]
  /** Null where heldout is not asked for. */
  readonly heldOut: HeldOutSource | null
  readonly data: Readonly<Record<string, string>>
  readonly judge: ModelEndpoint | undefined
  readonly secondJudge: ModelEndpoint | undefined
  readonly sampling: Sampling
  readonly limit: number | undefined
  readonly seed: number | undefined
  readonly concurrency: number | undefined
}

/** Refuses what cannot be done before a model is fetched for it. */
async function readRequest(invocation: Invocation): Promise<EvalRequest> {
  const names = readSuites(invocation)
  const isAsked = names.includes(HELD_OUT)
  const run = namedRun(invocation.positionals[0] ?? '')
  checkHeldOut(invocation, { isAsked, run })
  await checkJudges(invocation, { run, suites: names })
  return {
    run,
    files: names.filter((name) => name !== HELD_OUT),
    data: readData(invocation),
    judge: judgeNamed(invocation, 'judge'),
    secondJudge: judgeNamed(invocation, 'second-judge'),
    sampling: readSampling(invocation),
    limit: invocation.number('limit', { integer: true, min: 1 }),
    seed: invocation.number('seed', { integer: true, min: 0 }),
    concurrency: invocation.number('concurrency', { integer: true, min: 1 }),
    heldOut: isAsked ? await heldOutSource(invocation, run) : null,
  }
}

interface Ready {
  readonly request: EvalRequest
  readonly target: Target
  readonly models: ModelHouse
}

async function readySuites(context: Context, { request, target, models }: Ready): Promise<Suite[]> {
  const deps = { env: context.environment, clock: context.clock }
  const { limit, secondJudge: second } = request
  const judge = target.judge === undefined ? undefined : models.open(target.judge)
  const files = await fileSuites({
    names: request.files,
    data: { ...target.config.evaluation.data, ...request.data },
    judge,
    sampling: request.sampling,
    limit: limit ?? target.config.evaluation.limit,
    deps,
  })
  if (request.heldOut === null) return files
  const secondJudge = second === undefined ? undefined : models.open(await localEndpoint(second, context))
  return [await heldOutFor({ ...request.heldOut, models, judge, secondJudge, limit, deps }), ...files]
}

interface Target {
  /** Of a run. */
  readonly reader?: RunReader
  readonly config: Config
  readonly judge: ModelEndpoint | undefined
  readonly folder: string
  policies(models: ModelHouse): Parameters<typeof evaluatePolicies>[0]['policies']
}

/** Models are fetched last: what is wrong with the rest is said before. */
async function openTarget(invocation: Invocation, request: EvalRequest, context: Context): Promise<Target> {
  const { run, judge } = request
  const target = run === undefined ? await openModel(invocation, request, context) : await openRun(invocation, run)
  return judge === undefined ? target : { ...target, judge: await localEndpoint(judge, context) }
}

async function openModel(invocation: Invocation, request: EvalRequest, context: Context): Promise<Target> {
  const named = readEndpoint(invocation.positionals[0] ?? '', invocation.text('api-key-env'))
  const { files, data, judge } = request
  // A run's configuration may name data and judge; beside a model there is only the command line.
  checkSuites(files, { data, hasJudge: judge !== undefined })
  const of = invocation.text('of')
  // The questions of a run are asked with the noise that the run's policies met.
  const seed = of === undefined ? {} : { seed: (await readRun(of)).config.seed }
  const model = await localEndpoint(named, context)
  // A configuration that says nothing but which model: the defaults of everything else are not used.
  const config = configSchema.parse({ model, corpus: { source: '-' }, ...seed })
  const folder = invocation.text('out') ?? join('evals', folderName(named))
  return { config, judge: undefined, folder, policies: (models) => [{ round: 0, model: models.initialPolicy }] }
}

function judgeNamed(invocation: Invocation, option: 'judge' | 'second-judge'): ModelEndpoint | undefined {
  const name = invocation.text(option)
  return name === undefined ? undefined : readEndpoint(name, invocation.text('judge-key-env'))
}

async function openRun(invocation: Invocation, dir: string): Promise<Target> {
  const { reader, config } = await readRun(dir)
  const only = invocation.number('round', { integer: true, min: 0 })
  const trained = (await reader.rounds()).filter((round) => round > 0 && existsSync(reader.round(round).checkpoint))
  const rounds = [0, ...trained].filter((round) => only === undefined || round === only)
  if (rounds.length === 0)
    throw new UsageError(`--round ${only ?? ''}: ${dir} has checkpoints of ${[0, ...trained].join(', ')}`)
  return {
    reader,
    config,
    judge: config.evaluation.judge,
    folder: invocation.text('out') ?? dir,
    policies: (models) =>
      rounds.map((round) => {
        if (round === 0) return { round, model: models.initialPolicy }
        const model = models.checkpoint(reader.round(round).checkpoint, `round-${round}`)
        return { round, model, release: () => model.release() }
      }),
  }
}

/** The run folder that is named, where it is one: a model folder has a `config.json` too; only a run has a manifest or a journal. */
function namedRun(dir: string): string | undefined {
  if (/^(https?|hf):\/\//i.test(dir)) return undefined
  if (!existsSync(dir)) throw new InputError(`${dir} does not exist; give a run, a model folder or URL#MODEL`)
  const names = readdirSync(dir)
  return names.includes('manifest.json') || names.includes('journal') ? dir : undefined
}

function folderName(model: ModelEndpoint): string {
  const name = model.backend !== 'embedded' ? model.name : resolve(model.path).split(/[/\\]/).slice(-2).join('-')
  return name.replaceAll(/[^\w.-]+/g, '-').replaceAll(/^[-.]+|[-.]+$/g, '') || 'model'
}

type SuiteChoice = FileSuiteName | typeof HELD_OUT

function readSuites(invocation: Invocation): SuiteChoice[] {
  const text = invocation.text('suite')
  if (text === undefined) throw new UsageError(`--suite is missing; known: ${suiteNames.join(', ')}`)
  return [...new Set(text.split(',').map((name) => name.trim()))].map((name) => {
    if (name === HELD_OUT || isFileSuite(name)) return name
    throw new UsageError(`there is no suite "${name}"${suggestion(name, suiteNames)}; known: ${suiteNames.join(', ')}`)
  })
}

function readData(invocation: Invocation): Record<string, string> {
  const entries = (invocation.text('data') ?? '').split(',').filter((entry) => entry !== '')
  return Object.fromEntries(
    entries.map((entry) => {
      const at = entry.indexOf('=')
      if (at < 1) throw new UsageError(`--data takes NAME=FILE, not "${entry}"`)
      return [entry.slice(0, at).trim(), entry.slice(at + 1)]
    }),
  )
}

interface Sampling {
  readonly temperature?: number
  readonly samples?: number
  readonly maxTokens?: number
}

function readSampling(invocation: Invocation): Sampling {
  const temperature = invocation.number('temperature', { min: 0 })
  const samples = invocation.number('samples', { integer: true, min: 1 })
  const maxTokens = invocation.number('max-tokens', { integer: true, min: 1 })
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(samples === undefined ? {} : { samples }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
  }
}

function asJson(folder: string, results: readonly SuiteResult[]): string {
  return `${JSON.stringify({ folder, results })}\n`
}

function asText(folder: string, results: readonly SuiteResult[]): string {
  const notes = results.flatMap(resultNotes)
  return `${[resultsTable(results), '', ...notes, '', `kept in ${folder}`].join('\n')}\n`
}
