/** `pop run`: all stages, all rounds of a configuration. Running it again goes on where it stopped. */
import { basename, extname, join } from 'node:path'
import { ThresholdError } from '../../core/errors.ts'
import { LAB_TASK_NAMES, oracleSuite } from '../../lab/index.ts'
import { runPipeline, type PipelineOptions, type RunSummary } from '../../pipeline/index.ts'
import type { Config } from '../../records/index.ts'
import { checkRegression } from '../check-regression.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { loadConfig } from '../config.ts'
import { findTask } from '../find-task.ts'
import { withLocalModels } from '../model-source.ts'
import { createProgress } from '../progress.ts'
import { runSynth } from './synth.ts'
import { gainLines, roundsTable } from '../rounds-table.ts'
import { shardOption } from '../shard-option.ts'
import { writeReport } from '../write-report.ts'

export const run: Command = {
  name: 'run',
  summary: 'play all rounds of a configuration: self-play, pairs, training, evaluation',
  usage: 'CONFIG',
  examples: [
    ['pop run pop.yaml', 'play the configured rounds; the same command goes on after an interruption'],
    ['pop run pop.yaml --run runs/second-try', 'in a folder of your choice'],
    ['pop run pop.yaml --json | jq .rounds', 'what each round came to, as JSON'],
  ],
  options: {
    run: { value: 'DIR', help: 'the run folder (default runs/NAME, NAME from the configuration file)' },
    shard: shardOption,
    json: jsonOption,
  },
  positionals: { min: 1, max: 1 },
  run: (invocation, context) => (invocation.text('shard') === undefined ? runRun : runSynth)(invocation, context),
}

async function runRun(invocation: Invocation, context: Context): Promise<void> {
  const { terminal, clock, signal, environment } = context
  const file = invocation.positionals[0] ?? ''
  const config = await withLocalModels(await loadConfig(file), context)
  const task = await findTask(config.task)
  const runDir = invocation.text('run') ?? join('runs', basename(file, extname(file)))
  const progress = createProgress(terminal, clock)
  try {
    const deps = { env: environment, clock, onNotice: (text: string): void => progress.onEvent({ type: 'note', text }) }
    const summary = await runPipeline({
      ...extraSuites(config),
      config,
      runDir,
      task,
      deps,
      clock,
      signal,
      onEvent: progress.onEvent,
    })
    progress.stop()
    const report = await writeReport(summary.runDir)
    const json = { ...summaryJson(summary), report }
    await terminal.write(
      invocation.has('json')
        ? `${JSON.stringify(json)}\n`
        : `${[roundsTable(summary), ...gainLines(summary), `report: ${report}`].join('\n')}\n`,
    )
    checkRegression(
      config,
      summary.rounds.flatMap(({ results }) => results),
    )
  } catch (error) {
    progress.stop()
    // A run that ends for its health has everything to look at but the training; why it ended matters more than its report.
    const report = error instanceof ThresholdError ? await writeReport(runDir).catch(() => undefined) : undefined
    if (report !== undefined) terminal.say(`report: ${report}`)
    throw error
  } finally {
    progress.stop()
  }
}

/** The laboratory's oracle, where its task is played and the configuration asks for it. */
function extraSuites({ task, evaluation }: Config): Pick<PipelineOptions, 'suites'> {
  const name = LAB_TASK_NAMES.find((known) => known === task)
  if (name === undefined || !evaluation.suites.includes('oracle')) return {}
  return { suites: [oracleSuite({ samples: evaluation.samples, task: name })] }
}

function summaryJson({ runDir, rounds, checkpoint }: RunSummary): object {
  return { run: runDir, rounds, checkpoint }
}
