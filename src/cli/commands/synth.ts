/** `pop synth`: the self-play of the first round, and nothing after it. Running it again goes on where it stopped. */
import { basename, extname, join } from 'node:path'
import { runPipeline } from '../../pipeline/index.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { loadConfig } from '../config.ts'
import { findTask } from '../find-task.ts'
import { withLocalModels } from '../model-source.ts'
import { grouped } from '../format.ts'
import { createProgress } from '../progress.ts'
import { readShard, shardOption } from '../shard-option.ts'

export const synth: Command = {
  name: 'synth',
  summary: 'play the first round only as far as scored candidates',
  usage: 'CONFIG',
  examples: [
    ['pop synth pop.yaml', 'questions, candidates, rubrics and scores; pop run goes on from there'],
    ['pop synth pop.yaml --shard 2/4 --run runs/part-2', 'the second quarter of the documents, on its own host'],
  ],
  options: {
    run: { value: 'DIR', help: 'the run folder (default runs/NAME, with --shard runs/NAME-I-of-N)' },
    shard: shardOption,
    json: { ...jsonOption, help: 'print { run, examples: { status: count } }' },
  },
  positionals: { min: 1, max: 1 },
  run: runSynth,
}

export async function runSynth(invocation: Invocation, context: Context): Promise<void> {
  const { terminal, clock, signal, environment } = context
  const file = invocation.positionals[0] ?? ''
  const shard = readShard(invocation.text('shard'))
  const config = await withLocalModels(await loadConfig(file), context)
  const suffix = shard === undefined ? '' : `-${shard.index}-of-${shard.count}`
  const runDir = invocation.text('run') ?? join('runs', basename(file, extname(file)) + suffix)
  const progress = createProgress(terminal, clock)
  const { onEvent } = progress
  try {
    const deps = { env: environment, clock, onNotice: (text: string): void => onEvent({ type: 'note', text }) }
    const task = await findTask(config.task)
    const part = shard === undefined ? {} : { shard }
    const summary = await runPipeline({
      config,
      runDir,
      task,
      deps,
      clock,
      signal,
      onEvent,
      synthesisOnly: true,
      ...part,
    })
    progress.stop()
    const examples = summary.rounds[0]?.examples ?? {}
    const lines = Object.entries(examples).map(([status, count]) => `${grouped(count)} ${status}`)
    await terminal.write(
      invocation.has('json')
        ? `${JSON.stringify({ run: summary.runDir, examples })}\n`
        : `${lines.length === 0 ? 'no questions' : lines.join(', ')} in ${summary.runDir}\n`,
    )
  } finally {
    progress.stop()
  }
}
