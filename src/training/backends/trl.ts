/**
 * `training.backend: trl`: TRL's own script under accelerate, run as another program: pairs and settings go in as files, its steps are read from
 * what it prints, its weights come back as a model folder. Whether they are better is none of its business.
 */
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../core/clock.ts'
import { ConfigError, ModelError, NumericalError } from '../../core/errors.ts'
import { parseJson } from '../../core/json.ts'
import { moveFolder, removeFolder, writeFolder } from '../../store/index.ts'
import type { PreferencePair, TrainingConfig, TrainingStep } from '../../records/index.ts'
import { isGroupObjective } from '../objectives/index.ts'
import { pairObjective } from '../exports/target.ts'
import { trl, trlScript, trlSettings } from '../exports/trl.ts'
import { refuseEngineSettings } from './elsewhere.ts'
import { runProgram } from './subprocess.ts'
import { readLogLine } from './trl-log.ts'

export interface TrlOptions {
  /** Absolute; made anew. Pairs, settings and TRL's output lie there while it trains; kept when it fails. */
  readonly workDir: string
  /** Where the trained model folder goes. */
  readonly checkpoint: string
  /** The weights to train: a model folder. */
  readonly model: string
  readonly pairs: readonly Pick<PreferencePair, 'chosen' | 'rejected'>[]
  readonly config: TrainingConfig
  readonly seed: number
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly onStep?: (step: TrainingStep, total: number) => void
  readonly signal?: AbortSignal | undefined
}

/** The oldest TRL whose arguments these are. */
const OLDEST = [1, 10] as const

const factsSchema = z.object({ trl: z.string(), accelerate: z.string(), cuda: z.boolean(), peft: z.boolean() })
export type TrlFacts = z.infer<typeof factsSchema>

const ASK = `
import importlib.util, json, accelerate, trl, torch
print(json.dumps({"trl": trl.__version__, "accelerate": accelerate.__version__, "cuda": torch.cuda.is_available(),
                  "peft": importlib.util.find_spec("peft") is not None}))`

/** The adapter is kept beside the merged weights, as the embedded engine keeps its own. */
const MERGE = `
import sys, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
base, trained, merged = sys.argv[1:4]
model = AutoModelForCausalLM.from_pretrained(base, dtype="auto")
model = PeftModel.from_pretrained(model, trained)
model.save_pretrained(merged + "/adapter")
model.merge_and_unload().save_pretrained(merged)
AutoTokenizer.from_pretrained(trained).save_pretrained(merged)`

/** Which Python: the configuration's, then POP_PYTHON, then `python3`. */
export function pythonOf({ python }: TrainingConfig, env: TrlOptions['env']): string {
  return python ?? env['POP_PYTHON'] ?? 'python3'
}

/**
 * Trains the pairs. The checkpoint appears whole or not at all.
 * @throws {ConfigError} when TRL is missing or too old, or has no such objective; {ModelError} when it failed, with the end of what it said; {NumericalError} when loss or
 * gradient are not finite;
 * the signal's reason when aborted
 */
export async function trainByTrl(options: TrlOptions): Promise<TrainingStep[]> {
  const { workDir, checkpoint, model, config, signal } = options
  const python = pythonOf(config, options.env)
  const script = trlScript(pairObjective(config))
  const facts = await requireTrl(config, options.env)
  await writeFolder(workDir, files(options, facts))
  const steps = await launch(options, python, script)
  signal?.throwIfAborted()
  const out = join(workDir, 'out')
  if (config.lora !== false) {
    const merged = await runProgram({
      command: python,
      args: ['-c', MERGE, model, out, join(workDir, 'merged')],
      signal,
    })
    signal?.throwIfAborted()
    if (merged.code !== 0) throw failed('merging the adapter', merged.tail)
  }
  await moveFolder(config.lora === false ? out : join(workDir, 'merged'), checkpoint)
  await removeFolder(workDir)
  return steps
}

/**
 * What TRL cannot do whatever is installed.
 * @param adapter on top of the weights to train
 * @throws {ConfigError}
 */
export function checkTrlTraining(training: TrainingConfig, adapter?: string): void {
  if (isGroupObjective(training.objective)) {
    throw new ConfigError('training.objective: trl trains on pairs here; take dpo, kto or sft, or another backend')
  }
  trlScript(pairObjective(training))
  refuseEngineSettings(training)
  if (adapter !== undefined || training.reference === 'initial') {
    throw new ConfigError(
      'training.backend: trl starts from whole weights and measures against them: leave out model.adapter and training.reference',
    )
  }
}

/** Asks the Python that would train. @throws {ConfigError} with what to install */
export async function requireTrl(training: TrainingConfig, env: TrlOptions['env']): Promise<TrlFacts> {
  const python = pythonOf(training, env)
  const { lora } = training
  const { code, tail } = await runProgram({ command: python, args: ['-c', ASK] })
  const advice = `install it there (pip install 'trl>=${OLDEST.join('.')}' accelerate), or name another Python in training.python or POP_PYTHON`
  const json = parseJson(tail.split('\n').at(-1) ?? '')
  const facts = factsSchema.safeParse(json.ok ? json.value : undefined)
  if (code !== 0 || !facts.success) {
    throw new ConfigError(`training.backend: trl cannot be used with ${python} (${lastLine(tail)}): ${advice}`)
  }
  const [major = 0, minor = 0] = facts.data.trl.split('.').map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new ConfigError(`training.backend: trl ${facts.data.trl} of ${python} is too old: ${advice}`)
  }
  if (lora !== false && !facts.data.peft) {
    throw new ConfigError(`training.lora: ${python} has no peft: install it there, or set lora: false`)
  }
  return facts.data
}

function files({ workDir, model, pairs, config, seed }: TrlOptions, { cuda }: TrlFacts): Map<string, Uint8Array> {
  const settings = {
    ...trlSettings({ model, training: config, pairs: pairs.length, seed }),
    datasets: [{ path: 'json', data_files: join(workDir, 'train.jsonl'), split: 'train' }],
    output_dir: join(workDir, 'out'),
    ...(cuda ? {} : { bf16: false, use_cpu: true }),
    // Its steps are read line by line, and only the last weights are wanted.
    disable_tqdm: true,
    save_strategy: 'no',
  }
  const objective = pairObjective(config)
  const rows = pairs.flatMap((pair) => trl.rows(pair, objective))
  return new Map([
    // JSON is YAML.
    ['config.yaml', Buffer.from(JSON.stringify(settings, null, 2))],
    ['train.jsonl', Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))],
  ])
}

async function launch(options: TrlOptions, python: string, script: string): Promise<TrainingStep[]> {
  const { workDir, pairs, config, clock, onStep, signal } = options
  const total = Math.ceil(config.epochs * Math.ceil(pairs.length / config.batchSize))
  const own = config.launch ?? []
  const steps: TrainingStep[] = []
  const diverged = new AbortController()
  let before = clock.monotonic()
  const { code, tail } = await runProgram({
    command: python,
    args: [
      '-m',
      'accelerate.commands.launch',
      ...own,
      '-m',
      `trl.scripts.${script}`,
      '--config',
      join(workDir, 'config.yaml'),
    ],
    signal: AbortSignal.any(signal === undefined ? [diverged.signal] : [signal, diverged.signal]),
    onLine: (line) => {
      const logged = readLogLine(line)
      if (logged === null || diverged.signal.aborted) return
      if (!Number.isFinite(logged.loss) || !Number.isFinite(logged.gradNorm)) {
        diverged.abort(notFinite(steps.length + 1, logged))
        return
      }
      const now = clock.monotonic()
      const seconds = (now - before) / 1000
      before = now
      const step = { ...logged, step: steps.length + 1, tokens: 0, seconds, tokensPerSecond: 0 }
      steps.push(step)
      onStep?.(step, total)
    },
  })
  signal?.throwIfAborted()
  diverged.signal.throwIfAborted()
  if (code !== 0) throw failed(`trl ${script}`, tail)
  if (steps.length === 0) throw new ModelError(`trl ${script} ended without a step that could be read\n${tail}`)
  return steps
}

function notFinite(step: number, { loss, gradNorm }: { loss: number; gradNorm: number }): NumericalError {
  return new NumericalError(
    `Training step ${step} of TRL: loss ${loss}, gradient norm ${gradNorm}; lower training.learningRate and run the same command again`,
  )
}

function failed(what: string, tail: string): ModelError {
  return new ModelError(
    `${what} failed: ${lastLine(tail)}; what was sampled is saved: mend it and run the same command again\n${tail}`,
  )
}

function lastLine(tail: string): string {
  return (tail.trim().split('\n').at(-1) ?? '').replaceAll(/\p{Cc}+/gu, ' ').slice(0, 300)
}
