/**
 * What `pop export` writes, read by the trainers' own parsers and data readers (`read_export.py`). TRL is what POP_PYTHON has; POP_AXOLOTL,
 * POP_LLAMAFACTORY and POP_OPENRLHF name checkouts of their sources, of which only the parts that read settings and data are used.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ConfigError } from '../../src/core/errors.ts'
import { trainingConfigSchema, type ChatMessage, type PreferenceObjectiveConfig } from '../../src/records/index.ts'
import { trainerExports, type TrainerExport } from '../../src/training/index.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const tokenizer = here('../goldens/trl-dpo/qwen3')
const folder = mkdtempSync(join(tmpdir(), 'pop-exports-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const python = process.env['POP_PYTHON']
const checkouts: Record<keyof typeof trainerExports, string | undefined> = {
  trl: python === undefined ? undefined : '-',
  axolotl: process.env['POP_AXOLOTL'],
  llamafactory: process.env['POP_LLAMAFACTORY'],
  openrlhf: process.env['POP_OPENRLHF'],
}

const objectives: object[] = [
  { type: 'dpo', beta: 0.02 },
  { type: 'dpo', loss: 'ipo' },
  { type: 'dpo', loss: 'hinge' },
  { type: 'dpo', loss: 'robust', labelSmoothing: 0.1 },
  { type: 'dpo', labelSmoothing: 0.1 },
  { type: 'dpo', nll: 0.5 },
  { type: 'dpo', lengthNormalized: true },
  { type: 'simpo', gamma: 0.7 },
  { type: 'orpo' },
  { type: 'kto' },
  { type: 'sft' },
]

const resultsSchema = z.array(
  z.object({
    error: z.string().nullable(),
    unknown: z.array(z.string()),
    settings: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
    rows: z.array(z.unknown()),
  }),
)

const conversation = (answer: string): ChatMessage[] => [
  { role: 'system', content: 'Answer briefly.' },
  { role: 'user', content: 'Which one?' },
  { role: 'assistant', content: answer },
]
const pair = { chosen: conversation('the good one'), rejected: conversation('a bad one') }

interface Written {
  readonly dir: string
  readonly objective: PreferenceObjectiveConfig
  readonly schedule: string
}

/** One folder for each objective that the trainer has, with adapters and without, under every schedule. */
function writeExports(target: TrainerExport): Written[] {
  const written: Written[] = []
  for (const given of objectives) {
    for (const lora of [false, { rank: 4, alpha: 8 }]) {
      for (const schedule of ['cosine', 'linear', 'constant']) {
        const dir = join(folder, `${target.name}-${written.length}`)
        const training = trainingConfigSchema.parse({ batchSize: 4, maxLength: 96, objective: given, lora, schedule })
        const objective = training.objective as PreferenceObjectiveConfig
        const files = settingsOf(target, training)
        if (files === undefined) continue
        mkdirSync(dir)
        for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
        const rows = target.rows(pair, objective).map((row) => `${JSON.stringify(row)}\n`)
        writeFileSync(join(dir, target.dataFile), rows.join(''))
        written.push({ dir, objective, schedule })
      }
    }
  }
  return written
}

function settingsOf(
  target: TrainerExport,
  training: ReturnType<typeof trainingConfigSchema.parse>,
): Record<string, string> | undefined {
  try {
    return target.files({ model: tokenizer, training, pairs: 41, seed: 7 })
  } catch (error) {
    if (error instanceof ConfigError) return undefined
    throw error
  }
}

/** Their logs may stand on stdout before the answer, which is the last line. */
function readAs(trainer: string, checkout: string, dirs: string[]): z.infer<typeof resultsSchema> {
  const { stdout, stderr } = spawnSync(
    python ?? 'python3',
    [here('read_export.py'), trainer, checkout, tokenizer, ...dirs],
    { encoding: 'utf8', maxBuffer: 2 ** 28, env: { ...process.env, HF_HUB_OFFLINE: '1' } },
  )
  const line = stdout.trim().split('\n').at(-1) ?? ''
  if (!line.startsWith('[{')) throw new Error(`${trainer} could not be asked: ${stderr.slice(-2000)}`)
  return resultsSchema.parse(JSON.parse(line))
}

/** What each makes of the rows of a DPO export. Axolotl's rows and OpenRLHF's went through the tokenizer's chat template. */
const chat =
  '<|im_start|>system\nAnswer briefly.<|im_end|>\n<|im_start|>user\nWhich one?<|im_end|>\n<|im_start|>assistant\n'
const rowsOf: Record<keyof typeof trainerExports, unknown[]> = {
  trl: [{ prompt: pair.chosen.slice(0, 2), chosen: pair.chosen.slice(2), rejected: pair.rejected.slice(2) }],
  axolotl: [{ prompt: chat, chosen: 'the good one<|im_end|>', rejected: 'a bad one<|im_end|>' }],
  llamafactory: [
    expect.objectContaining({
      _system: 'Answer briefly.',
      _prompt: [{ role: 'user', content: 'Which one?' }],
      _response: [
        { role: 'assistant', content: 'the good one' },
        { role: 'assistant', content: 'a bad one' },
      ],
    }),
  ],
  openrlhf: [
    [chat, expect.stringContaining('the good one<|im_end|>'), expect.stringContaining('a bad one<|im_end|>'), 0],
  ],
}

/** Ours: by weight of the objective. TRL's SFT has none. */
function betaOf(objective: PreferenceObjectiveConfig): number | null {
  if (objective.type === 'sft') return null
  return objective.type === 'orpo' ? objective.lambda : objective.beta
}

describe.each(Object.entries(trainerExports))('the export to %s', (name, target) => {
  const trainer = name as keyof typeof trainerExports
  const checkout = checkouts[trainer]
  it.skipIf(checkout === undefined || python === undefined)(
    'is taken by its own parser, with the values that were meant, and its rows by its own reader',
    { timeout: 300_000 },
    () => {
      const written = writeExports(target)
      const results = readAs(
        trainer,
        checkout ?? '',
        written.map(({ dir }) => dir),
      )
      expect(results).toHaveLength(written.length)
      expect(written.length).toBeGreaterThan(12)
      for (const [i, { error, unknown, settings, rows }] of results.entries()) {
        const { objective, schedule } = written[i] ?? { objective: { type: 'sft' as const }, schedule: '' }
        expect([objective, error, unknown]).toEqual([objective, null, []])
        const share = schedule === 'constant' ? 0 : 0.1
        expect(settings).toEqual({
          beta: betaOf(objective),
          learning_rate: 1e-6,
          schedule,
          batch: 4,
          max_length: 96,
          epochs: 1,
          // 41 pairs by 4 are 11 steps, of which a tenth, rounded up, is warm-up.
          warmup: trainer === 'openrlhf' ? share : share * 20,
        })
        if (objective.type === 'dpo') expect(rows).toEqual(rowsOf[trainer])
      }
    },
  )
})
