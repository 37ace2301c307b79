/** `pop lab pretrain`: the laboratory's model from random weights, by the embedded engine; resumable, gated on skills. */
import { ThresholdError } from '../../core/errors.ts'
import { Engine } from '../../engine/index.ts'
import { checkSkills, type GateReport } from '../../lab/gates.ts'
import { pretrainLab, type PretrainOptions, type PretrainProgress } from '../../lab/pretrain.ts'
import { EmbeddedLanguageModel } from '../../llm/index.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { duration } from '../format.ts'
import type { Terminal } from '../terminal.ts'

export const labPretrain: Command = {
  name: 'lab pretrain',
  summary: "pretrain the laboratory's model from scratch with the embedded engine",
  usage: '[--out DIR]',
  examples: [
    [
      'pop lab pretrain --out runs/lab-model',
      'from random weights to a model that plays all four roles: 20 million tokens',
    ],
    ['pop lab pretrain --out runs/lab-model --minutes 20', 'save and stop after 20 minutes; the same command goes on'],
    [
      'pop lab pretrain --from DIR --out runs/lab-model',
      'the last stage alone, on a model that has the others behind it',
    ],
    ['pop lab run --model runs/lab-model/…', 'play with the result; the command prints its folder'],
  ],
  options: {
    out: { value: 'DIR', help: 'the folder for checkpoints (default runs/lab-model)' },
    from: { value: 'DIR', help: 'begin with the last stage (comparing, further tasks), on this model folder' },
    skip: { value: 'N', help: 'with --from: samples of the last stage that the model has seen, to be left out' },
    seed: { value: 'N', help: 'of weights and data (default 1, the one of the checkpoint that comes with pop)' },
    'further-tokens': { value: 'N', help: 'length of the last stage (default 5000000)' },
    'further-rate': {
      value: 'X',
      help: 'learning rates of the last stage, as a multiple of the usual ones (default 1)',
    },
    minutes: { value: 'N', help: 'save and stop after so many minutes' },
    threads: { value: 'N', help: 'of the engine (default: one per core)' },
    json: jsonOption,
  },
  positionals: { min: 0, max: 0 },
  run: runLabPretrain,
}

async function runLabPretrain(invocation: Invocation, context: Context): Promise<void> {
  const { terminal, signal } = context
  const result = await pretrainLab({ ...readOptions(invocation), onProgress: showProgress(terminal), signal })
  signal.throwIfAborted()
  const skills = result.finished ? await skillsOf(result.checkpoint, context) : null
  if (invocation.has('json')) await terminal.write(`${JSON.stringify({ ...result, skills })}\n`)
  else await terminal.write(describe(result, skills))
  const failed = skills?.failed ?? []
  if (failed.length > 0) throw new ThresholdError(`the model lacks skills: ${failed.join('; ')}`)
}

/** What was given; `pretrainLab` knows the rest. */
function readOptions(invocation: Invocation): PretrainOptions {
  const count = (option: string, min: number): number | undefined => invocation.number(option, { integer: true, min })
  const settings = given({
    furtherTokens: count('further-tokens', 1),
    furtherRate: invocation.number('further-rate', { min: 0 }),
  })
  const optional = given({
    from: invocation.text('from'),
    skip: count('skip', 0),
    seed: count('seed', 0),
    budgetMinutes: invocation.number('minutes', { min: 0 }),
    threads: count('threads', 1),
  })
  return { out: invocation.text('out') ?? 'runs/lab-model', settings, ...optional }
}

/** Without the keys that have no value. */
function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

function showProgress(terminal: Terminal): (progress: PretrainProgress) => void {
  const every = terminal.live ? 5 : 100
  return ({ step, tokens, totalTokens, loss, verdictLoss, seconds }) => {
    if (step % every !== 0) return
    const share = ((100 * tokens) / totalTokens).toFixed(1)
    const speed = Math.round(tokens / Math.max(seconds, 1e-9))
    const line = `step ${step} · ${share} % of ${totalTokens} tokens · loss ${loss.toFixed(3)} · verdict loss ${verdictLoss.toFixed(3)} · ${speed} tok/s`
    if (terminal.live) terminal.control(`\r\u001B[2K${line.slice(0, terminal.columns() - 1)}`)
    else terminal.say(line)
  }
}

async function skillsOf(checkpoint: string, { terminal }: Context): Promise<GateReport> {
  terminal.say('\nmeasuring skills on held-out things')
  const engine = await Engine.open(checkpoint)
  try {
    const model = new EmbeddedLanguageModel(engine, 'lab')
    return await checkSkills(engine, model, { seed: 'skills', cases: 200, candidates: 8 })
  } finally {
    await engine.close()
  }
}

function describe(result: Awaited<ReturnType<typeof pretrainLab>>, skills: GateReport | null): string {
  const state = result.finished ? 'finished' : 'saved, not finished: the same command goes on'
  const lines = [`${state}: ${result.tokens} tokens in ${duration(result.seconds)}`, `checkpoint: ${result.checkpoint}`]
  return `${[...lines, ...(skills === null ? [] : [JSON.stringify(skills, null, 2)])].join('\n')}\n`
}
