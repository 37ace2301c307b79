/** `pop score`: the stored answers of a run under changed scoring, or again where judging failed. */
import { ConfigError } from '../../core/errors.ts'
import { rescoreRun, type RescoredRound } from '../../pipeline/index.ts'
import type { Config } from '../../records/index.ts'
import { RunReader } from '../../store/index.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { loadConfig } from '../config.ts'
import { findTask } from '../find-task.ts'
import { grouped, table } from '../format.ts'
import { withLocalModels } from '../model-source.ts'
import { createProgress } from '../progress.ts'

export const score: Command = {
  name: 'score',
  summary: 'judge the stored answers of a run again, without sampling',
  usage: 'RUN',
  examples: [
    [
      'pop score runs/my-run --config pairwise.yaml',
      'by the roles, scoring, curation and pairing of another configuration',
    ],
    ['pop score runs/my-run --failed-only', 'only questions in which a judge or a rubric could not be read'],
    ['pop score runs/my-run --round 1 --json', 'one round; counts of scores, reasons, calls and pairs as JSON'],
  ],
  options: {
    config: { value: 'FILE', short: 'c', help: "instead of the run's own; becomes the run's own" },
    round: { value: 'N', help: 'only this round (default: all that have examples)' },
    'failed-only': {
      help: 'only questions in which something could not be judged; unreadable replies are asked for anew',
    },
    json: {
      ...jsonOption,
      help: 'print { run, rounds: [{ round, examples, scored, unscored, calls, pairs, skipped }] }',
    },
  },
  positionals: { min: 1, max: 1 },
  run: runScore,
}

async function runScore(invocation: Invocation, context: Context): Promise<void> {
  const { terminal, clock, signal, environment } = context
  const reader = await RunReader.open(invocation.positionals[0] ?? '')
  const config = await withLocalModels(await configOf(reader, invocation.text('config')), context)
  const round = invocation.number('round', { integer: true, min: 1 })
  const task = await findTask(config.task)
  const progress = createProgress(terminal, clock)
  try {
    const rounds = await rescoreRun({
      runDir: reader.dir,
      config,
      task,
      round,
      failedOnly: invocation.has('failed-only'),
      deps: { env: environment, clock, onNotice: (text) => progress.onEvent({ type: 'note', text }) },
      clock,
      signal,
      onEvent: progress.onEvent,
    })
    progress.stop()
    const json = invocation.has('json')
    await terminal.write(json ? `${JSON.stringify({ run: reader.dir, rounds })}\n` : `${asText(rounds)}\n`)
  } finally {
    progress.stop()
  }
}

async function configOf(reader: RunReader, file: string | undefined): Promise<Config> {
  if (file !== undefined) return loadConfig(file)
  const own = await reader.readConfig()
  if (own === null) throw new ConfigError(`${reader.dir} has no config.json; name a configuration with --config FILE`)
  return own
}

function asText(rounds: readonly RescoredRound[]): string {
  const rows = rounds.map(({ round, scored, unscored, calls, pairs }) => [
    String(round),
    grouped(scored),
    grouped(Object.values(unscored).reduce((sum, count) => sum + count, 0)),
    grouped(calls),
    grouped(pairs),
  ])
  const reasons = rounds.flatMap(({ round, unscored }) =>
    Object.entries(unscored).map(([reason, count]) => `round ${round}: ${grouped(count)} answers unscored (${reason})`),
  )
  return [table(['round', 'scored', 'unscored', 'calls', 'pairs'], rows), ...reasons].join('\n')
}
