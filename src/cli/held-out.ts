/** The held-out corpus of a run as a suite of `pop eval`: for the run's own rounds, or for a model from elsewhere. */
import { resolve } from 'node:path'
import { InputError, UsageError } from '../core/errors.ts'
import type { CorpusDeps } from '../corpus/index.ts'
import type { Suite } from '../evaluation/index.ts'
import { heldOutOf, readDocuments, readResults, type ModelHouse } from '../pipeline/index.ts'
import type { Config, LanguageModel, SuiteResult } from '../records/index.ts'
import type { Invocation } from './command.ts'
import { findTask } from './find-task.ts'
import { readRun } from './read-run.ts'

export const HELD_OUT = 'heldout'

/** Whose questions are asked. */
export interface HeldOutSource {
  readonly run: string
  readonly config: Config
  /** The run's first result, whose questions another model is asked; undefined where the run itself is measured. */
  readonly base: AskedResult | undefined
}

type AskedResult = SuiteResult & { readonly questions: NonNullable<SuiteResult['questions']> }

export interface HeldOutRequest extends HeldOutSource {
  readonly models: ModelHouse
  /** In place of the run's own. */
  readonly judge: LanguageModel | undefined
  readonly secondJudge: LanguageModel | undefined
  readonly limit: number | undefined
  readonly deps: CorpusDeps
}

/**
 * Switches that heldout cannot follow, and trials that would take the place of what a run measured. Asks for no model: what is
 * refused is refused before gigabytes are fetched for it.
 * @param run the run that is measured, where it is one
 * @throws {UsageError}
 */
export function checkHeldOut(
  invocation: Invocation,
  { isAsked, run }: { readonly isAsked: boolean; readonly run: string | undefined },
): void {
  const given = (...names: string[]): string | undefined => names.find((name) => invocation.text(name) !== undefined)
  if (!isAsked) {
    const idle = given('of', 'second-judge')
    if (idle === undefined) return
    throw new UsageError(`--${idle} is for heldout alone: add heldout to --suite, or leave --${idle} out`)
  }
  const fixed = given('samples', 'temperature', 'max-tokens')
  if (fixed !== undefined) {
    throw new UsageError(
      `--${fixed}: heldout asks as its run asked; leave it out, or measure the other suites by themselves`,
    )
  }
  if (run === undefined) {
    if (given('of') === undefined) throw new UsageError('heldout asks the questions of a run: name it with --of RUN')
    return
  }
  if (given('of') !== undefined) {
    throw new UsageError(`--of is for a model from elsewhere: ${run} is a run, and is asked its own questions`)
  }
  const trial = given('limit', 'judge', 'second-judge', 'seed')
  if (trial === undefined || resolve(invocation.text('out') ?? run) !== resolve(run)) return
  throw new UsageError(
    `--${trial} would replace the held-out results of ${run} by others: keep these elsewhere with --out DIR`,
  )
}

/**
 * @param run the run that is measured, where it is one
 * @throws {InputError} when the run that is named has no questions; {UsageError} when they lack what a second judge goes by
 */
export async function heldOutSource(invocation: Invocation, run: string | undefined): Promise<HeldOutSource> {
  if (run !== undefined) return { run, config: (await readRun(run)).config, base: undefined }
  const of = invocation.text('of') ?? ''
  const { reader, config } = await readRun(of)
  const base = (await readResults(reader, 0)).find(({ suite }) => suite === HELD_OUT)
  const { questions } = base ?? {}
  if (base === undefined || questions === undefined) {
    throw new InputError(`${of} holds no held-out questions; write them with: pop eval ${of} --suite heldout --round 0`)
  }
  if (invocation.text('second-judge') !== undefined && questions.every(({ secondRubric }) => secondRubric == null)) {
    throw new UsageError(
      `--second-judge: the questions of ${of} have no rubrics of a second judge; leave it out, or play a run with evaluation.secondJudge`,
    )
  }
  return { run: of, config, base: { ...base, questions } }
}

/**
 * A run's own rounds are asked questions on its held-out documents, which are written where they were not yet; another model is
 * asked the questions as they stand in the run's results, and held against the model that the run began with.
 * @throws {InputError} when the run has no held-out documents
 */
export async function heldOutFor(request: HeldOutRequest): Promise<Suite> {
  const { config, base, models, judge, secondJudge, limit } = request
  const task = await findTask(config.task)
  const common = {
    config,
    task,
    models,
    limit,
    // Of that run, not of the model that is measured.
    judge: judge ?? models.open(config.evaluation.judge ?? config.model),
    secondJudge,
  }
  return base === undefined
    ? heldOutOf({ ...common, documents: await ownDocuments(request) })
    : heldOutOf({ ...common, documents: [], frozen: base.questions, base })
}

async function ownDocuments({
  run,
  config,
  deps,
}: HeldOutRequest): Promise<Parameters<typeof heldOutOf>[0]['documents']> {
  const { heldOut } = await readDocuments({ config, runDir: run, deps, onEvent: () => undefined })
  if (heldOut.length === 0) {
    throw new InputError(
      `${run} held no documents out: set evaluation.documents and suites: [heldout] before a run begins`,
    )
  }
  return heldOut
}
