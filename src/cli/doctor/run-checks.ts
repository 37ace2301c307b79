/** All checks of a configuration. Asks servers a few small questions; writes nothing. */
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorMessage } from '../../core/errors.ts'
import { requireDevice } from '../../engine/index.ts'
import { peekCorpus, type CorpusPeek } from '../../corpus/index.ts'
import { createLanguageModel, probeServer } from '../../llm/index.ts'
import {
  assumeQuestion,
  contextNeeds,
  ModelHouse,
  planRun,
  type ContextNeed,
  type PlannedStage,
} from '../../pipeline/index.ts'
import type { Config, ModelEndpoint, TinkerModelConfig } from '../../records/index.ts'
import type { TaskProfile } from '../../roles/index.ts'
import { requireTrl, trainingEngineOptions, trainingUse, tryTinkerPlace } from '../../training/index.ts'
import type { Context } from '../command.ts'
import { bytes } from '../format.ts'
import { failure, ok, warning, type Check } from './check.ts'
import { checkModel, type ModelUse } from './model-folder.ts'
import { judgeServer } from './server.ts'

export type DoctorContext = Pick<Context, 'environment' | 'clock'>

const rowsLookedAt = 200
/** Of the embedded engine, where the configuration says nothing. */
const defaultSlots = 64

/** Runs the checks one after another; `onCheck` hears of each as it is done. */
export async function runChecks(
  config: Config,
  about: { readonly task: TaskProfile; readonly runDir: string },
  context: DoctorContext,
  onCheck: (check: Check) => void,
): Promise<Check[]> {
  const checks: Check[] = []
  const add = (more: readonly Check[]): void => {
    checks.push(...more)
    for (const check of more) onCheck(check)
  }
  const { texts, check } = await checkCorpus(config, context)
  add([check])
  add(checkWhole(config, context))
  add(await checkTrl(config, context))
  add(await checkDevice(config))
  const needs = contextNeeds(config, about.task, texts)
  for (const group of endpointsOf(config)) add(await checkEndpoint(group, needs, context))
  const { path, backend } = config.training
  if (path !== undefined && backend !== 'tinker') {
    add(await checkModel('training.path', { source: path, memory: trainingMemory(config) }, context))
  }
  add([await checkDisk(config, about, texts)])
  return checks
}

async function checkCorpus(
  config: Config,
  { environment, clock }: DoctorContext,
): Promise<{ texts: readonly string[]; check: Check }> {
  try {
    const peek = await peekCorpus(config.corpus, rowsLookedAt, { env: environment, clock })
    return { texts: peek.texts, check: judgeCorpus(peek, config.corpus) }
  } catch (error) {
    return { texts: [], check: failure('corpus', errorMessage(error)) }
  }
}

function judgeCorpus(peek: CorpusPeek, { field, minWords }: Config['corpus']): Check {
  const { texts, rows, badRows, skippedShort, files, revision } = peek
  const where = `${files} ${files === 1 ? 'file' : 'files'}${revision === null ? '' : ` at commit ${revision.slice(0, 12)}`}`
  const found = `${where}; ${texts.length} of the first ${rows} rows can be documents`
  if (texts.length * 2 >= rows) return ok('corpus', found)
  return warning(
    'corpus',
    `${found}: ${skippedShort} have fewer than ${minWords} words (corpus.minWords), ${badRows} have no text in "${field}" (corpus.field)`,
  )
}

/** What the configuration forbids by itself, found as a run would find it. */
function checkWhole(config: Config, { environment }: DoctorContext): Check[] {
  try {
    // Made, not kept: it opens nothing before it is asked to.
    const house = new ModelHouse(config, { env: environment })
    return house.initialDir === null
      ? [
          warning(
            'training',
            'no weights to train here: set training.path, or take the pairs elsewhere with pop export',
          ),
        ]
      : []
  } catch (error) {
    return [failure('configuration', errorMessage(error))]
  }
}

/** Asks the Python that would train. */
async function checkTrl({ training }: Config, { environment }: DoctorContext): Promise<Check[]> {
  if (training.backend !== 'trl') return []
  try {
    const { trl, accelerate, cuda } = await requireTrl(training, environment)
    return [ok('training', `TRL ${trl} and accelerate ${accelerate}, ${cuda ? 'with a GPU' : 'without a GPU: fp32'}`)]
  } catch (error) {
    return [failure('training', errorMessage(error))]
  }
}

/** Computes a little on it, and on the processor. */
async function checkDevice({ training }: Config): Promise<Check[]> {
  const { backend, device = 'cpu' } = training
  if (backend !== 'embedded' || device === 'cpu') return []
  try {
    await requireDevice(device, trainingEngineOptions(training, 0))
    return [ok('training', `on ${device} a small model trains as on the processor; it was never measured on a GPU`)]
  } catch (error) {
    return [failure('training', errorMessage(error))]
  }
}

function trainingMemory({ training }: Config): ModelUse['memory'] {
  return training.backend === 'embedded' ? { training: { training: trainingUse(training) } } : {}
}

/** One endpoint and the stages that it plays. */
interface EndpointUse {
  readonly subject: string
  readonly endpoint: ModelEndpoint
  readonly stages: readonly PlannedStage[]
  /** The memory that its training takes; empty when it is not trained here. */
  readonly training: ModelUse['memory']
  /** What becomes of an adapter on top of it. Default false: it is added to the weights. */
  readonly lora?: Config['training']['lora']
}

function endpointsOf(config: Config): EndpointUse[] {
  const { model, roles, evaluation } = config
  const { proposer, solver, rubric, scorer } = roles
  const own = { propose: proposer, solve: solver, rubric, score: scorer } as const
  const stages = ['propose', 'solve', 'rubric', 'score'] as const
  const uses: EndpointUse[] = [
    {
      subject: 'model',
      endpoint: model,
      stages: stages.filter((stage) => own[stage] === undefined),
      training: config.training.path === undefined ? trainingMemory(config) : {},
      // A Tinker server's own adapters start afresh.
      lora: config.training.path === undefined && config.training.backend !== 'tinker' && config.training.lora,
    },
  ]
  const names = { propose: 'proposer', solve: 'solver', rubric: 'rubric', score: 'scorer' } as const
  for (const stage of stages) {
    const endpoint = own[stage]
    if (endpoint !== undefined) uses.push({ subject: `role ${names[stage]}`, endpoint, stages: [stage], training: {} })
  }
  const judges = { judge: evaluation.judge, 'second judge': evaluation.secondJudge }
  for (const [subject, endpoint] of Object.entries(judges)) {
    if (endpoint !== undefined) uses.push({ subject, endpoint, stages: ['score'], training: {} })
  }
  return uses
}

async function checkTinker(
  subject: string,
  { path, ...place }: TinkerModelConfig,
  { environment, clock }: DoctorContext,
): Promise<Check[]> {
  try {
    await tryTinkerPlace({ ...place, dir: path, env: environment, clock })
    return [ok(subject, `the Tinker server is there, has ${place.name} and samples from it`)]
  } catch (error) {
    return [failure(subject, errorMessage(error))]
  }
}

function checkEndpoint(use: EndpointUse, needs: readonly ContextNeed[], context: DoctorContext): Promise<Check[]> {
  const { subject, endpoint, stages, training, lora = false } = use
  if (endpoint.backend === 'tinker') return checkTinker(subject, endpoint, context)
  if (endpoint.backend === 'openai') return checkServer({ subject, endpoint, stages }, needs, context)
  const answering = { slots: endpoint.maxSlots ?? defaultSlots, int8: endpoint.sampling === 'int8' }
  const memory = { answering, ...training }
  const adapter = endpoint.adapter === undefined ? {} : { adapter: { dir: endpoint.adapter, lora } }
  return checkModel(subject, { source: endpoint.path, memory, ...adapter }, context)
}

interface ServerUse extends Pick<EndpointUse, 'subject' | 'stages'> {
  readonly endpoint: Extract<ModelEndpoint, { backend: 'openai' }>
}

async function checkServer(
  { subject, endpoint, stages }: ServerUse,
  needs: readonly ContextNeed[],
  context: DoctorContext,
): Promise<Check[]> {
  const deps = { env: context.environment, clock: context.clock }
  try {
    createLanguageModel(endpoint, deps)
  } catch (error) {
    return [failure(subject, errorMessage(error))]
  }
  const played = needs.filter(({ stage }) => stages.includes(stage))
  const [longest] = played.toSorted((a, b) => b.prompt + b.completion - (a.prompt + a.completion))
  const { prompt = 0, completion = 0, stage = 'solve' } = longest ?? {}
  const checks: Check[] = []
  for (const baseUrl of [endpoint.baseUrl, ...(endpoint.replicas ?? [])]) {
    const probe = await probeServer({ ...endpoint, baseUrl }, deps)
    const server = baseUrl === endpoint.baseUrl ? subject : `${subject} (${new URL(baseUrl).host})`
    const samples = stages.includes('solve')
    checks.push(
      ...judgeServer(probe, {
        subject: server,
        model: endpoint.name,
        longest: { prompt, completion, role: stage },
        samples,
      }),
    )
  }
  return checks
}

async function checkDisk(
  config: Config,
  { task, runDir }: { readonly task: TaskProfile; readonly runDir: string },
  texts: readonly string[],
): Promise<Check> {
  const { diskBytes } = planRun(config, assumeQuestion(config, task, texts))
  const free = await freeBytes(runDir)
  if (free === null)
    return warning('disk', `cannot tell how much room ${runDir} has; the run folder may need ${bytes(diskBytes)}`)
  const facts = `${bytes(free)} free, about ${bytes(diskBytes)} needed for the run folder`
  if (free > 2 * diskBytes) return ok('disk', facts)
  return free > diskBytes
    ? warning('disk', `${facts}, without checkpoints: choose another place with --run DIR`)
    : failure('disk', `${facts}: choose another place with --run DIR`)
}

/** Of the nearest folder that is there. */
async function freeBytes(path: string): Promise<number | null> {
  for (let dir = path; ; dir = dirname(dir)) {
    const found = await statfs(dir).catch(() => null)
    if (found !== null) return found.bavail * found.bsize
    if (dirname(dir) === dir) return null
  }
}
