/** The held-out corpus of a run as a suite of `pop eval`: for the run's own rounds, or for a model from elsewhere. */
import { InputError, UsageError } from '../core/errors.ts'
import type { CorpusDeps } from '../corpus/index.ts'
import type { Suite } from '../evaluation/index.ts'
import { heldOutOf, readDocuments, readResults, type ModelHouse } from '../pipeline/index.ts'
import type { Config, LanguageModel } from '../records/index.ts'
import { RunReader } from '../store/index.ts'
import { findTask } from './find-task.ts'

export const HELD_OUT = 'heldout'

export interface HeldOutRequest {
  /** The run that the questions belong to. */
  readonly run: string | undefined
  /** Whether it is the one that is measured. */
  readonly isOwn: boolean
  readonly models: ModelHouse
  /** In place of the run's own. */
  readonly judge: LanguageModel | undefined
  readonly secondJudge: LanguageModel | undefined
  readonly limit: number | undefined
  readonly deps: CorpusDeps
}

/**
 * A run's own rounds are asked questions on its held-out documents, which are written where they were not yet; another model is
 * asked the questions as they stand in the run's results, and held against the model that the run began with.
 * @throws {UsageError} without a run; {InputError} when it has no held-out documents or questions
 */
export async function heldOutFor(request: HeldOutRequest): Promise<Suite> {
  const { run, isOwn, models, judge, limit } = request
  if (run === undefined) throw new UsageError('heldout asks the questions of a run: name it with --of RUN')
  const reader = await RunReader.open(run)
  const config = await reader.readConfig()
  if (config === null) throw new InputError(`${run} has no config.json: it is no run that pop run began`)
  const task = await findTask(config.task)
  const second = config.evaluation.secondJudge
  const common = {
    config,
    task,
    models,
    // Of that run, not of the model that is measured.
    judge: judge ?? models.open(config.evaluation.judge ?? config.model),
    secondJudge: request.secondJudge ?? (second === undefined ? undefined : models.open(second)),
  }
  if (isOwn) return heldOutOf({ ...common, documents: await ownDocuments(run, config, request) })
  const base = (await readResults(reader, 0)).find(({ suite }) => suite === HELD_OUT)
  if (base?.questions === undefined) {
    throw new InputError(
      `${run} holds no held-out questions; write them with: pop eval ${run} --suite heldout --round 0`,
    )
  }
  return heldOutOf({ ...common, documents: [], frozen: base.questions.slice(0, limit), base })
}

async function ownDocuments(
  run: string,
  config: Config,
  { limit, deps }: HeldOutRequest,
): Promise<Parameters<typeof heldOutOf>[0]['documents']> {
  const { heldOut } = await readDocuments({ config, runDir: run, deps, onEvent: () => undefined })
  if (heldOut.length === 0) {
    throw new InputError(
      `${run} held no documents out: set evaluation.documents and suites: [heldout] before a run begins`,
    )
  }
  return heldOut.slice(0, limit)
}
