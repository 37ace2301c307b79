/** What the exports say of every objective: names and values as the trainers read them, and a refusal for what they lack. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseDocument } from 'yaml'
import { ConfigError } from '../../core/errors.ts'
import { trainingConfigSchema, type TrainingConfig } from '../../records/index.ts'
import { trainerExports, type ExportFacts, type TrainerExport } from './index.ts'

type Objective = Parameters<typeof trainingConfigSchema.parse>[0]

const facts = (objective: Objective, rest: Partial<TrainingConfig> = {}): ExportFacts => ({
  model: './model',
  training: trainingConfigSchema.parse({ batchSize: 4, objective, ...rest }),
  pairs: 41,
  seed: 7,
})
const yaml = (text: string | undefined): unknown => parseDocument(text ?? '').toJS()
const pair = {
  chosen: [
    { role: 'user' as const, content: 'Q' },
    { role: 'assistant' as const, content: 'good' },
  ],
  rejected: [
    { role: 'user' as const, content: 'Q' },
    { role: 'assistant' as const, content: 'bad' },
  ],
}

describe('the export to TRL', () => {
  it('spells the settings as TRL does, with warm-up in steps', () => {
    const settings = yaml(trainerExports.trl.files(facts({ type: 'dpo', beta: 0.02 }))['config.yaml'])
    expect(settings).toMatchObject({
      model_name_or_path: './model',
      beta: 0.02,
      loss_type: ['sigmoid'],
      // 41 pairs by 4 are 11 steps, of which a tenth, rounded up, is warm-up.
      warmup_steps: 2,
      gradient_accumulation_steps: 4,
      lr_scheduler_type: 'cosine',
      use_peft: true,
      lora_r: 32,
      seed: 7,
    })
  })

  it.each([
    [
      { type: 'dpo', nll: 0.5 },
      { loss_type: ['sigmoid', 'sft'], loss_weights: [1, 0.5] },
    ],
    [
      { type: 'dpo', loss: 'robust', labelSmoothing: 0.1 },
      { loss_type: ['robust'], label_smoothing: 0.1 },
    ],
    [{ type: 'dpo', lengthNormalized: true }, { loss_type: ['sigmoid_norm'] }],
    [
      { type: 'kto', undesirable: 2 },
      { undesirable_weight: 2, gradient_accumulation_steps: 1 },
    ],
  ])('%j', (objective, expected) => {
    expect(yaml(trainerExports.trl.files(facts(objective))['config.yaml'])).toMatchObject(expected)
  })

  it('gives each script its rows', () => {
    const rows = (objective: Objective): object[] =>
      trainerExports.trl.rows(
        pair,
        facts(objective).training.objective as Parameters<typeof trainerExports.trl.rows>[1],
      )
    const answer = (content: string): object[] => [{ role: 'assistant', content }]
    const prompt = [{ role: 'user', content: 'Q' }]
    expect(rows({ type: 'dpo' })).toEqual([{ prompt, chosen: answer('good'), rejected: answer('bad') }])
    expect(rows({ type: 'sft' })).toEqual([{ prompt, completion: answer('good') }])
    expect(rows({ type: 'kto' })).toEqual([
      { prompt, completion: answer('good'), label: true },
      { prompt, completion: answer('bad'), label: false },
    ])
  })
})

describe('the other exports', () => {
  it('name the objectives as each trainer does', () => {
    const { axolotl, llamafactory, openrlhf } = trainerExports
    expect(yaml(axolotl.files(facts({ type: 'simpo', gamma: 0.7 }))['config.yaml'])).toMatchObject({
      rl: 'simpo',
      simpo_gamma: 0.7,
    })
    expect(yaml(axolotl.files(facts({ type: 'dpo', loss: 'ipo' }))['config.yaml'])).toMatchObject({
      rl: 'dpo',
      dpo_loss_type: ['ipo'],
    })
    expect(yaml(llamafactory.files(facts({ type: 'orpo', lambda: 0.3 }))['config.yaml'])).toMatchObject({
      stage: 'dpo',
      pref_loss: 'orpo',
      pref_beta: 0.3,
    })
    expect(llamafactory.rows(pair, { type: 'sft' })).toEqual([
      {
        prompt: [{ role: 'user', content: 'Q' }],
        chosen: { role: 'assistant', content: 'good' },
        rejected: { role: 'assistant', content: 'bad' },
      },
    ])
    expect(openrlhf.files(facts({ type: 'dpo' }, { lora: false }))['train.sh']).toContain('--model.beta 0.01')
  })

  it('quote what a shell would read otherwise', () => {
    const script = trainerExports.openrlhf.files({ ...facts({ type: 'dpo' }), model: "my $(touch x)'s model" })[
      'train.sh'
    ]
    expect(script).toContain(`--model.model_name_or_path 'my $(touch x)'\\''s model'`)
  })
})

describe('every export', () => {
  it.each([
    ['trl', { type: 'simpo' }],
    ['trl', { type: 'dpo', lengthPenalty: 0.1 }],
    ['trl', { type: 'dpo', labelSmoothing: 0.1 }],
    ['axolotl', { type: 'kto' }],
    ['llamafactory', { type: 'dpo', loss: 'robust' }],
    ['openrlhf', { type: 'dpo', loss: 'hinge' }],
    ['openrlhf', { type: 'orpo' }],
    ['trl', { type: 'grpo' }],
  ] as const)('%s refuses %j rather than train something else', (name, objective) => {
    expect(() => trainerExports[name].files(facts(objective))).toThrow(ConfigError)
  })
})

/** Read off the trainers' own parsers at the versions in the file, by `test/goldens/make-trainer-keys.py`. */
const taken = JSON.parse(readFileSync(new URL('../../../test/goldens/trainer-keys.json', import.meta.url), 'utf8')) as {
  trl: Record<'dpo' | 'kto' | 'sft', string[]>
  axolotl: Record<'config' | 'dataset', string[]>
  llamafactory: { config: string[] }
  openrlhf: { flags: string[] }
}

/** The names in the files of an export, and those that its trainer takes, each with the place that it has. */
const names: Record<
  keyof typeof trainerExports,
  (files: Record<string, string>) => { written: string[]; known: string[] }
> = {
  trl: ({ 'config.yaml': text, 'train.sh': script = '' }) => ({
    written: Object.keys(yaml(text) as object),
    known: taken.trl[/exec trl (dpo|kto|sft) /.exec(script)?.[1] as 'dpo'],
  }),
  axolotl: ({ 'config.yaml': text }) => {
    const config = yaml(text) as { datasets: object[] }
    const ofData = (keys: string[]): string[] => keys.map((key) => `datasets.${key}`)
    return {
      written: [...Object.keys(config), ...config.datasets.flatMap((entry) => ofData(Object.keys(entry)))],
      known: [...taken.axolotl.config, ...ofData(taken.axolotl.dataset)],
    }
  },
  llamafactory: ({ 'config.yaml': text }) => ({
    written: Object.keys(yaml(text) as object),
    known: taken.llamafactory.config,
  }),
  openrlhf: ({ 'train.sh': script = '' }) => ({
    written: [...script.matchAll(/^ {2}(--\S+)/gm)].map(([, flag = '']) => flag),
    known: taken.openrlhf.flags,
  }),
}

const objectives: Objective[] = [
  { type: 'dpo' },
  { type: 'dpo', loss: 'ipo' },
  { type: 'dpo', loss: 'hinge' },
  { type: 'dpo', loss: 'robust', labelSmoothing: 0.1 },
  { type: 'dpo', labelSmoothing: 0.1 },
  { type: 'dpo', nll: 0.5 },
  { type: 'dpo', lengthNormalized: true },
  { type: 'simpo' },
  { type: 'orpo' },
  { type: 'kto' },
  { type: 'sft' },
]

describe('the names in the settings', () => {
  it.each([
    ['trl', 8],
    ['axolotl', 7],
    ['llamafactory', 7],
    ['openrlhf', 3],
  ] as const)('are ones that %s takes, for its %i objectives', (name, count) => {
    const target: TrainerExport = trainerExports[name]
    let written = 0
    for (const objective of objectives) {
      for (const lora of [false, { rank: 4, alpha: 8 }] as const) {
        const files = filesOf(target, facts(objective, { lora }))
        if (files === undefined) continue
        const found = names[name](files)
        expect(found.written.length).toBeGreaterThan(15)
        expect(found.written.filter((key) => !found.known.includes(key))).toEqual([])
        written++
      }
    }
    expect(written).toBe(2 * count)
  })

  it('are no share of the steps for Axolotl, whose SimPO takes none', () => {
    for (const type of ['dpo', 'simpo'] as const) {
      const settings = yaml(trainerExports.axolotl.files(facts({ type }))['config.yaml']) as object
      expect(settings).toMatchObject({ warmup_steps: 2 })
      expect(settings).not.toHaveProperty('warmup_ratio')
    }
  })
})

/** Undefined where the trainer does not have the objective. */
function filesOf(target: TrainerExport, about: ExportFacts): Record<string, string> | undefined {
  try {
    return target.files(about)
  } catch (error) {
    if (error instanceof ConfigError) return undefined
    throw error
  }
}

it.each(Object.entries(trainerExports))('%s refuses to keep the order of the pairs', (_name, target) => {
  expect(() => target.files(facts({ type: 'dpo' }, { shuffle: false }))).toThrow(/training\.shuffle/)
})

describe('the export to OpenRLHF', () => {
  it('takes no part of an epoch', () => {
    expect(() => trainerExports.openrlhf.files(facts({ type: 'dpo' }, { epochs: 1.5 }))).toThrow(
      /training\.epochs.*1\.5/,
    )
  })

  it('makes a batch of what there is, where that is less than one', () => {
    const script = (pairs: number): string | undefined =>
      trainerExports.openrlhf.files({ ...facts({ type: 'dpo' }), pairs })['train.sh']
    expect(script(3)).toContain('--train.batch_size 3')
    expect(script(41)).toContain('--train.batch_size 4')
  })
})
