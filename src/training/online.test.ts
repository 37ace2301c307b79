/** The online loop on the bigram table, which samples, is rewarded by a rule and has exact gradients. */
import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { rng } from '../core/rng.ts'
import { systemClock } from '../core/clock.ts'
import { trainingConfigSchema, type RolloutGroup, type TrainingStep } from '../records/index.ts'
import { BigramModel } from './testing/bigram-model.ts'
import { rolloutsOf, trainGroups } from './train-groups.ts'
import type { TrainableModel } from './model.ts'
import type { Tokenizer } from '../engine/index.ts'

const VOCAB = 12
const LENGTH = 4
/** The prompt is one token. */
const tokenizer = { encodeChat: () => [1] } as unknown as Tokenizer
const messages = [{ role: 'user' as const, content: 'x' }]

/** Answers of the table as it is now; the reward counts tokens of id 7. */
function sampleGroup(model: BigramModel, question: number, version: number): RolloutGroup {
  const random = rng('samples', question, version)
  const responses = Array.from({ length: 8 }, () => {
    const tokens: number[] = []
    const logprobs: number[] = []
    for (let last = 1; tokens.length < LENGTH; last = tokens.at(-1) ?? 1) {
      let left = random.uniform()
      const drawn = Array.from({ length: VOCAB }, (_, b) => b).find(
        (b) => (left -= Math.exp(model.logprob(last, b))) < 0,
      )
      const token = drawn ?? VOCAB - 1
      logprobs.push(model.logprob(last, token))
      tokens.push(token)
    }
    const reward = tokens.filter((token) => token === 7).length
    return { text: '', reward, sampled: { policy: `v${version}`, tokens, logprobs } }
  })
  return { round: 1, documentId: String(question), questionIndex: 0, prompt: messages, responses, ref_answer: '' }
}

async function train(training: object, overlap?: boolean): Promise<{ steps: TrainingStep[]; versions: number[] }> {
  const bigram = new BigramModel(VOCAB, 1)
  const model: TrainableModel = Object.assign(bigram, overlap === undefined ? {} : { samplesWhileTraining: overlap })
  const versions: number[] = []
  const { steps } = await trainGroups({
    model,
    tokenizer,
    questions: 96,
    config: trainingConfigSchema.parse({
      batchSize: 4,
      learningRate: 0.1,
      schedule: 'constant',
      maxGradNorm: 0,
      ...training,
    }),
    seed: 1,
    reference: new BigramModel(VOCAB, 1),
    sample: (batch, version) => {
      versions.push(version)
      return Promise.resolve(batch.map((question) => sampleGroup(bigram, question, version)))
    },
    clock: systemClock,
  })
  return { steps, versions }
}

describe('trainGroups', () => {
  it.each([
    ['reinforce', {}],
    ['rloo', { kl: { coefficient: 0.01, as: 'reward' } }],
    ['grpo', { kl: { coefficient: 0.01 } }],
    ['dr-grpo', { constantLength: LENGTH }],
    ['dapo', {}],
    ['gspo', {}],
    ['cispo', {}],
  ])('raises the reward with %s', async (type, settings) => {
    const { steps, versions } = await train({ objective: { type, ...settings } })
    expect(versions).toEqual(Array.from({ length: 24 }, (_, i) => i))
    const reward = (part: readonly TrainingStep[]): number =>
      part.reduce((sum, step) => sum + (step.reward ?? NaN), 0) / part.length
    expect(reward(steps.slice(-4))).toBeGreaterThan(reward(steps.slice(0, 4)) + 0.5)
    // Every answer is of the weights that are updated next: no ratio is bounded.
    for (const { offPolicy, clipped, staleness } of steps)
      expect([offPolicy, clipped, staleness]).toEqual([expect.closeTo(0, 5), 0, 0])
  })

  it('samples ahead as far as it is told, and knows how old every answer is', async () => {
    const { steps, versions } = await train({ objective: { type: 'grpo' }, staleness: 2 })
    expect(versions.slice(0, 6)).toEqual([0, 0, 0, 1, 2, 3])
    expect(steps.map(({ staleness }) => staleness).slice(0, 5)).toEqual([0, 1, 2, 2, 2])
    expect(steps.at(-1)?.offPolicy).toBeGreaterThan(0.01)
    expect(steps.at(-1)?.clipped).toBeGreaterThan(0)
  })

  it('does not sample ahead where that would overwrite what is trained', async () => {
    const { steps } = await train({ objective: { type: 'grpo' }, staleness: 2 }, false)
    expect(new Set(steps.map(({ staleness }) => staleness))).toEqual(new Set([0]))
  })

  it('ends what it samples ahead, and awaits it, when a batch fails', async () => {
    let running = 0
    const stopped: boolean[] = []
    const ends = async (_batch: readonly number[], _version: number, signal: AbortSignal): Promise<never[]> => {
      running++
      if (running > 1) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      stopped.push(signal.aborted)
      await setTimeout(20)
      running--
      if (!signal.aborted) throw new Error('the first batch failed')
      return []
    }
    const config = trainingConfigSchema.parse({ objective: { type: 'grpo' }, batchSize: 4, staleness: 2 })
    const model = new BigramModel(VOCAB, 1)
    const training = trainGroups({ model, tokenizer, questions: 12, config, seed: 1, sample: ends })
    await expect(training).rejects.toThrow('the first batch failed')
    expect([running, stopped]).toEqual([0, [false, true, true]])
  })

  it('refuses an objective over pairs', async () => {
    await expect(train({ objective: { type: 'dpo' } })).rejects.toThrow('dpo learns from pairs')
  })
})

describe('rolloutsOf', () => {
  const group = sampleGroup(new BigramModel(VOCAB, 1), 1, 0)

  it('drops and counts groups whose rewards do not differ, and answers without ids or too long', () => {
    const flat = { ...group, responses: group.responses.map((response) => ({ ...response, reward: 1 })) }
    const bare = { ...group, responses: group.responses.map(({ text, reward }) => ({ text, reward })) }
    const { groups, dropped, reasons } = rolloutsOf([group, flat, bare, null], tokenizer, 100)
    expect([groups.length, dropped, reasons]).toEqual([1, 3, ['flat', 'noTokens']])
    expect(rolloutsOf([group], tokenizer, LENGTH)).toEqual({ groups: [], dropped: 1, reasons: ['tooLong'] })
  })

  it('trains on the ids that were sampled', () => {
    const [first] = rolloutsOf([group], tokenizer, 100).groups
    expect(first?.completions.map(({ tokens }) => Array.from(tokens))).toEqual(
      group.responses.map(({ sampled }) => [1, ...(sampled?.tokens ?? [])]),
    )
  })
})
