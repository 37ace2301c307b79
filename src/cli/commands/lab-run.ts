/** `pop lab run`: the built-in laboratory plays its rounds; a program that knows the truth judges before and after. */
import { join } from 'node:path'
import { UsageError } from '../../core/errors.ts'
import { LAB_TASK_NAMES, labConfig, type LabTaskName } from '../../lab/index.ts'
import type { RoundSummary, RunSummary } from '../../pipeline/index.ts'
import type { Config, SuiteResult } from '../../records/index.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { duration } from '../format.ts'
import { playLab } from '../play-lab.ts'
import { gainLines, roundsTable } from '../rounds-table.ts'
import { writeReport } from '../write-report.ts'

export const labRun: Command = {
  name: 'lab run',
  summary: 'play the built-in laboratory: a real model gets better in minutes, and a program checks it',
  usage: '',
  examples: [
    ['pop lab run', 'three rounds on this machine, no key and no GPU; ends with a table and report.html'],
    ['pop lab run --seed 7 --run runs/lab-7 --json', 'another seed, another folder, JSON on stdout'],
    ['pop lab run --task lab-tales --run runs/tales', 'short tales of a wanted length instead of answers'],
    ['pop lab run --pairs random', 'the control: pairs drawn at random teach nothing'],
    ['pop lab run --ungrounded-rubric', 'the ablation: the rubric writer does not see the document'],
  ],
  options: {
    task: {
      value: LAB_TASK_NAMES.join('|'),
      help: 'questions, short tales, or answers in a form (default lab: questions)',
    },
    rounds: { value: 'N', help: 'rounds to play (default 3)' },
    seed: { value: 'N', help: 'of every random choice (default 45)' },
    documents: { value: 'N', help: 'documents per round (default 128)' },
    pairs: { value: 'scored|random', help: 'how chosen and rejected are picked (default scored)' },
    'ungrounded-rubric': { help: 'withhold the document from the rubric writer' },
    subjects: {
      value: 'known|unknown',
      help: 'documents on things the model knows, or on ones it does not (default known)',
    },
    model: { value: 'DIR', help: 'another laboratory checkpoint than the one that comes with pop' },
    run: { value: 'DIR', help: 'the run folder (default runs/lab)' },
    json: jsonOption,
  },
  positionals: { min: 0, max: 0 },
  run: runLab,
}

async function runLab(invocation: Invocation, context: Context): Promise<void> {
  const { terminal, clock } = context
  const task = taskOption(invocation)
  const config = readConfig(invocation, task)
  const subjects = choice(invocation, 'subjects', ['known', 'unknown'])
  const started = clock.monotonic()
  const runDir = invocation.text('run') ?? join('runs', 'lab')
  const summary = await playLab({ config, runDir, task, subjects }, context)
  const report = await writeReport(summary.runDir)
  const seconds = (clock.monotonic() - started) / 1000
  const peakMemoryMiB = Math.round(process.resourceUsage().maxRSS / 1024)
  if (invocation.has('json')) {
    await terminal.write(`${JSON.stringify({ rounds: roundsJson(summary), seconds, peakMemoryMiB, report })}\n`)
    return
  }
  const lines = [
    'Held-out questions, judged by a program that knows the truth (0–1, 95 % intervals):',
    '',
    roundsTable(summary),
    '',
    ...gainLines(summary),
    `took ${duration(seconds)}, at most ${peakMemoryMiB} MiB of memory`,
    `report: ${report}`,
  ]
  await terminal.write(`${lines.join('\n')}\n`)
}

function taskOption(invocation: Invocation): LabTaskName {
  return choice(invocation, 'task', LAB_TASK_NAMES)
}

function readConfig(invocation: Invocation, task: LabTaskName): Config {
  const rounds = invocation.number('rounds', { integer: true, min: 1 })
  const seed = invocation.number('seed', { integer: true, min: 0 })
  const documents = invocation.number('documents', { integer: true, min: 1 })
  const model = invocation.text('model')
  const random = choice(invocation, 'pairs', ['scored', 'random']) === 'random'
  return labConfig({
    task,
    ...(rounds === undefined ? {} : { rounds }),
    ...(seed === undefined ? {} : { seed }),
    ...(documents === undefined ? {} : { documents }),
    ...(model === undefined ? {} : { model }),
    randomPairs: random,
    groundRubric: !invocation.has('ungrounded-rubric'),
  })
}

/** The option's value, the first of `allowed` when it is not given. */
function choice<T extends string>(invocation: Invocation, option: string, allowed: readonly T[]): T {
  const text = invocation.text(option)
  const found = allowed.find((value) => text === undefined || value === text)
  if (found === undefined) throw new UsageError(`--${option} takes ${allowed.join(' or ')}, not "${text ?? ''}"`)
  return found
}

function roundsJson({ rounds }: RunSummary): object[] {
  return rounds.map((round) => ({ round: round.round, ...oracleJson(oracleOf(round)), pairs: round.pairs }))
}

function oracleOf({ results }: RoundSummary): SuiteResult | undefined {
  return results.find(({ suite }) => suite === 'oracle')
}

function oracleJson(result: SuiteResult | undefined): object {
  if (result === undefined) return { oracle: null, greedy: null, validity: null, meanAnswerWords: null }
  const { sampled, greedy, validity, meanAnswerWords } = result
  const oracle = sampled === null ? null : { mean: sampled.mean, low: sampled.low, high: sampled.high }
  return { oracle, greedy: greedy?.mean ?? null, validity, meanAnswerWords }
}
