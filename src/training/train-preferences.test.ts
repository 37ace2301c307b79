import { fileURLToPath } from 'node:url'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InputError } from '../core/errors.ts'
import { Engine, type Tokenizer } from '../engine/index.ts'
import { trainingConfigSchema, type PreferencePair, type TrainingConfig } from '../records/index.ts'
import { EmbeddedTrainableModel, trainingEngineOptions } from './backends/embedded.ts'
import { describeTrainableModel } from './testing/conformance.ts'
import { preferenceData } from './preference-data.ts'
import { trainPreferences, type PreferenceTraining } from './train-preferences.ts'

const modelDir = fileURLToPath(new URL('../../test/goldens/trl-dpo/qwen3/', import.meta.url))
const config = (changes: Partial<TrainingConfig>): TrainingConfig =>
  trainingConfigSchema.parse({ batchSize: 2, learningRate: 5e-3, objective: { type: 'dpo', beta: 0.1 }, ...changes })

function pair(question: string, chosen: string, rejected: string): PreferencePair {
  const say = (content: string): PreferencePair['chosen'] => [
    { role: 'user', content: question },
    { role: 'assistant', content },
  ]
  return {
    role: 'solver',
    chosen: say(chosen),
    rejected: say(rejected),
    chosen_score: 1,
    rejected_score: 0,
    ref_answer: '',
  }
}

const pairs = [
  pair('What melts?', 'Ice melts.', 'Iron.'),
  pair('Who keeps bees?', 'A beekeeper.', 'Nobody at all.'),
  pair('Two plus two?', 'Four.', 'Five, or so.'),
]

async function openModel(settings: TrainingConfig): Promise<{ engine: Engine; model: EmbeddedTrainableModel }> {
  const engine = await Engine.open(modelDir, { ...trainingEngineOptions(settings, 7), threads: 1, inThread: true })
  return { engine, model: new EmbeddedTrainableModel(engine, () => Promise.reject(new Error('not asked for'))) }
}

async function train(settings: TrainingConfig, data = pairs): Promise<PreferenceTraining> {
  const { engine, model } = await openModel(settings)
  try {
    return await trainPreferences({ model, tokenizer: engine.tokenizer, pairs: data, config: settings, seed: 1 })
  } finally {
    await engine.close()
  }
}

const full = config({ lora: false })
describeTrainableModel('the embedded engine', async () => {
  const { engine, model } = await openModel(full)
  return { model, close: () => engine.close() }
})
describeTrainableModel('the embedded engine with adapters', async () => {
  const { engine, model } = await openModel(config({ lora: { rank: 4, alpha: 8 } }))
  return { model, close: () => engine.close() }
})

describe('trainPreferences', () => {
  it('repeats exactly under the same seed', async () => {
    const settings = config({ lora: false, epochs: 2 })
    const bare = ({ steps }: PreferenceTraining): object[] =>
      steps.map(({ loss, gradNorm, margin }) => ({ loss, gradNorm, margin }))
    expect(bare(await train(settings))).toEqual(bare(await train(settings)))
  })

  it('trains adapters as well: the loss falls from log 2', async () => {
    const { steps } = await train(config({ lora: { rank: 8, alpha: 16 }, epochs: 6, schedule: 'constant' }))
    expect(steps[0]?.loss).toBeCloseTo(Math.LN2, 6)
    expect(steps.at(-1)?.loss).toBeLessThan(0.5)
  })

  it('leaves pairs out that are too long, and counts them', async () => {
    const long = pair('Tell me all.', 'word '.repeat(200), 'No.')
    const { leftOut, pairs: used, steps } = await train(full, [...pairs, long])
    expect(leftOut).toEqual({ tooLong: 1, noCompletion: 0 })
    expect(used).toBe(3)
    expect(steps).toHaveLength(2)
  })

  it('says why nothing can be trained on', async () => {
    await expect(train(full, [])).rejects.toThrow(new InputError('there are no preference pairs to train on'))
    await expect(train(config({ lora: false, maxLength: 5 }))).rejects.toThrow(
      'none of the 3 preference pairs can be trained on: 3 are longer than 5 tokens',
    )
  })

  it('saves weights that another engine opens with the same log-probs', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'pop-train-'))
    const { engine, model } = await openModel(config({ lora: { rank: 4, alpha: 8 } }))
    const sample = [[1, 40, 41, 42, 2]]
    const before = await model.logprobs(sample)
    await trainPreferences({ model, tokenizer: engine.tokenizer, pairs, config: full, seed: 1 })
    const after = await model.logprobs(sample)
    await model.save(join(dir, 'checkpoint'))
    await engine.close()
    const reopened = await Engine.open(join(dir, 'checkpoint'), { threads: 1, inThread: true })
    const [again] = await reopened.logprobs(sample)
    await reopened.close()
    const leftBehind = readdirSync(dir)
    rmSync(dir, { recursive: true })
    expect(leftBehind).toEqual(['checkpoint'])
    expect(after).not.toEqual(before)
    again?.forEach((value, t) => expect(value).toBeCloseTo(after[0]?.[t] ?? 0, 4))
  })
})

describe('preferenceData', () => {
  let tokenizer: Tokenizer
  let engine: Engine
  beforeAll(async () => {
    engine = await Engine.open(modelDir, { threads: 1, inThread: true })
    tokenizer = engine.tokenizer
  })
  afterAll(() => engine.close())

  it('shares the prompt between the two sides', () => {
    const [group] = preferenceData(pairs, tokenizer, 1000).groups
    const [chosen, rejected] = group?.completions ?? []
    const prompt = Array.from(chosen?.tokens ?? []).slice(0, chosen?.promptLength)
    expect(tokenizer.decode(prompt, { skipSpecialTokens: false })).toBe(
      '<|im_start|>user\nWhat melts?<|im_end|>\n<|im_start|>assistant\n',
    )
    expect(Array.from(rejected?.tokens ?? []).slice(0, rejected?.promptLength)).toEqual(prompt)
  })

  it('keeps text that looks like a special token from ending the answer', () => {
    const [group] = preferenceData([pair('Q', 'a<|im_end|>b', 'c')], tokenizer, 1000).groups
    const [chosen] = group?.completions ?? []
    const end = tokenizer.tokenToId('<|im_end|>')
    expect(Array.from(chosen?.tokens ?? []).filter((id) => id === end)).toHaveLength(2)
  })

  it.each([
    ['answer different prompts', { ...pair('A', 'x', 'y'), rejected: pair('B', 'x', 'y').rejected }],
    [
      'have no prompt',
      {
        ...pair('A', 'x', 'y'),
        chosen: [{ role: 'assistant' as const, content: 'x' }],
        rejected: [{ role: 'assistant' as const, content: 'y' }],
      },
    ],
    [
      'end with the user',
      {
        ...pair('A', 'x', 'y'),
        chosen: [
          { role: 'user' as const, content: 'A' },
          { role: 'user' as const, content: 'B' },
        ],
      },
    ],
    ['are empty', { ...pair('A', 'x', 'y'), chosen: [] }],
  ])('refuses conversations that %s, naming the pair', (_name, bad) => {
    expect(() => preferenceData([...pairs, bad], tokenizer, 1000)).toThrow(
      'preference pair 4: chosen and rejected must share their prompt',
    )
  })
})
