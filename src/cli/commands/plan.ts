/** `pop plan`: what a configuration will ask for: calls, tokens, money, hours, disk, memory. */
import { basename, extname, join } from 'node:path'
import { UsageError } from '../../core/errors.ts'
import { peekCorpus } from '../../corpus/index.ts'
import { placeOf, questionOf } from '../../dashboard/index.ts'
import { memoryNeed } from '../../engine/index.ts'
import {
  assumedReply,
  assumeQuestion,
  gpuTrainingMemory,
  plannedStages,
  planRun,
  runPipeline,
  type Amounts,
  type PlannedStage,
  type RunPlan,
  type TrainingMemory,
} from '../../pipeline/index.ts'
import type { Config } from '../../records/index.ts'
import { RunReader } from '../../store/index.ts'
import { trainingUse } from '../../training/index.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { loadConfig } from '../config.ts'
import { findTask } from '../find-task.ts'
import { bytes, duration, grouped, table } from '../format.ts'
import { configOfTrained, shapeOfTrained } from '../model-shape.ts'
import { createProgress } from '../progress.ts'

export const plan: Command = {
  name: 'plan',
  summary: 'say what a configuration will ask for: calls, tokens, money, hours, disk, memory',
  usage: 'CONFIG',
  examples: [
    ['pop plan pop.yaml', 'from the prompts and the first documents, with assumed lengths of replies'],
    ['pop plan pop.yaml --pilot 8', 'from 8 documents that are really played; the run finds and keeps their calls'],
    ['pop plan pop.yaml --rate 2500', 'hours at 2,500 completion tokens per second'],
  ],
  options: {
    pilot: { value: 'N', help: 'play the first N documents and measure' },
    rate: { value: 'N', help: 'completion tokens per second that the servers give together' },
    run: { value: 'DIR', help: 'the run folder of the pilot (default runs/NAME)' },
    json: jsonOption,
  },
  positionals: { min: 1, max: 1 },
  run: runPlan,
}

/** Where the figures come from. */
interface Basis {
  readonly kind: 'assumed' | 'measured'
  /** Measured on so many questions. */
  readonly questions: number
  readonly perQuestion: Readonly<Record<PlannedStage, Amounts>>
  /** Completion tokens per second of the pilot; null without one. */
  readonly rate: number | null
}

async function runPlan(invocation: Invocation, context: Context): Promise<void> {
  const file = invocation.positionals[0] ?? ''
  const pilot = invocation.number('pilot', { integer: true, min: 1 })
  const given = invocation.number('rate', { min: 0 })
  if (given === 0) throw new UsageError('--rate must be more than 0')
  const config = await loadConfig(file)
  const runDir = invocation.text('run') ?? join('runs', basename(file, extname(file)))
  const basis = await (pilot === undefined ? assume(config, context) : measure(config, runDir, pilot, context))
  const planned = planRun(config, basis.perQuestion)
  const rate = given ?? basis.rate
  const seconds = rate === null ? null : planned.total.completionTokens / rate
  const memory = memoryOf(config)
  await context.terminal.write(
    invocation.has('json')
      ? `${JSON.stringify({ basis: basis.kind, ...planned, rate, seconds, trainingMemory: memory })}\n`
      : `${planLines(planned, basis, { seconds, given: given !== undefined }, memory, config).join('\n')}\n`,
  )
}

async function assume(config: Config, { environment, clock }: Context): Promise<Basis> {
  const task = await findTask(config.task)
  const { texts } = await peekCorpus(config.corpus, 200, { env: environment, clock })
  return { kind: 'assumed', questions: 0, perQuestion: assumeQuestion(config, task, texts), rate: null }
}

async function measure(config: Config, runDir: string, documents: number, context: Context): Promise<Basis> {
  const { terminal, clock, signal, environment } = context
  const task = await findTask(config.task)
  const progress = createProgress(terminal, clock)
  const { onEvent } = progress
  const deps = { env: environment, clock, onNotice: (text: string): void => onEvent({ type: 'note', text }) }
  const before = await completionTokensIn(runDir)
  const started = clock.monotonic()
  try {
    const options = { config, runDir, task, deps, clock, signal, onEvent }
    await runPipeline({ ...options, synthesisOnly: true, firstDocuments: documents })
  } finally {
    progress.stop()
  }
  const seconds = (clock.monotonic() - started) / 1000
  const made = (await completionTokensIn(runDir)) - before
  const measured = await readAmounts(runDir)
  return { kind: 'measured', ...measured, rate: made > 0 && seconds > 0 ? made / seconds : null }
}

async function completionTokensIn(runDir: string): Promise<number> {
  const reader = new RunReader(runDir)
  const journal = await reader.readJournal()
  await journal.close()
  return journal.usage.completionTokens
}

async function readAmounts(runDir: string): Promise<Pick<Basis, 'questions' | 'perQuestion'>> {
  const journal = await (await RunReader.open(runDir)).readJournal({ groupOf: (key) => placeOf(key).stage })
  await journal.close()
  const begun = new Set([...journal.keys()].flatMap((key) => questionOf(key) ?? []))
  const questions = Math.max(1, begun.size)
  const amounts = (stage: PlannedStage): Amounts => {
    const of = journal.usageByModel().filter(({ group }) => group === stage)
    const mean = (field: keyof Amounts): number => of.reduce((sum, usage) => sum + usage[field], 0) / questions
    return { calls: mean('calls'), promptTokens: mean('promptTokens'), completionTokens: mean('completionTokens') }
  }
  const perQuestion = Object.fromEntries(plannedStages.map((stage) => [stage, amounts(stage)]))
  return { questions: begun.size, perQuestion: perQuestion as Record<PlannedStage, Amounts> }
}

/** Of the embedded engine what it would itself ask for; of others the usual accounting. */
function memoryOf(config: Config): TrainingMemory | null {
  const { training, model } = config
  if (training.backend === 'embedded' && (training.path !== undefined || model.backend === 'embedded')) {
    const trained = configOfTrained(config)
    return trained === null ? null : memoryNeed(trained, { training: trainingUse(training) })
  }
  const shape = shapeOfTrained(config)
  const loraRank = training.lora === false ? null : training.lora.rank
  return shape === null ? null : gpuTrainingMemory(shape, { loraRank, maxLength: training.maxLength })
}

function planLines(
  planned: RunPlan,
  basis: Basis,
  time: { seconds: number | null; given: boolean },
  memory: TrainingMemory | null,
  config: Config,
): string[] {
  const { total, unpriced } = planned
  const money = (cost: number | null): string => (cost === null ? '–' : cost.toFixed(2))
  const row = (name: string, model: string, of: Amounts & { cost: number | null }): string[] => [
    name,
    model,
    ...[of.calls, of.promptTokens, of.completionTokens].map(grouped),
    money(of.cost),
  ]
  const rounds = planned.rounds === 1 ? '1 round' : `${planned.rounds} rounds`
  return [
    `${grouped(planned.questions)} questions on ${grouped(planned.documents)} documents in ${rounds}; ${basisLine(basis)}`,
    '',
    table(
      ['stage', 'model', 'calls', 'prompt tokens', 'completion tokens', 'cost'],
      [...planned.stages.map((stage) => row(stage.stage, stage.model, stage)), row('all', '', total)],
    ),
    '',
    `time:    ${timeLine(time, basis)}`,
    `disk:    about ${bytes(planned.diskBytes)} for the run folder, and a checkpoint a round`,
    `memory:  ${memoryLine(memory)}`,
    ...(unpriced.length > 0 ? [`without a price, and in no cost: ${unpriced.join(', ')}`] : []),
    ...(config.evaluation.suites.includes('heldout') ? [] : ['no held-out evaluation']),
  ]
}

function basisLine({ kind, questions }: Basis): string {
  if (kind === 'measured') return `measured on ${grouped(questions)} of them`
  const { propose, solve, rubric, score } = assumedReply
  return `replies assumed to have ${propose}, ${solve}, ${rubric} and ${score} tokens (proposal, answer, rubric, judgement): --pilot N measures`
}

function timeLine({ seconds, given }: { seconds: number | null; given: boolean }, { rate }: Basis): string {
  if (seconds === null) return 'unknown: give --rate, or measure with --pilot N'
  const how = given
    ? 'at the given rate'
    : `at the pilot's ${Math.round(rate ?? 0)} completion tokens per second; a full run has more in flight`
  return `${duration(seconds)} for the calls, ${how}`
}

function memoryLine(memory: TrainingMemory | null): string {
  if (memory === null)
    return 'of training unknown without the weights in a folder (training.path); pop doctor looks a model of the hub up'
  const parts = memory.parts.map(([name, size]) => `${name} ${bytes(size)}`)
  const rest = memory.parts.some(([name]) => name === 'activations') ? '' : '; activations come on top'
  return `about ${bytes(memory.total)} to train (${parts.join(', ')}${rest})`
}
