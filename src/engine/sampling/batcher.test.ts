import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ModelError } from '../../core/errors.ts'
import { rng } from '../../core/rng.ts'
import { ListModel, nextLogprobs, tempered } from '../testing/list-model.ts'
import { Batcher, type BatcherOptions } from './batcher.ts'
import { chooseToken } from './choose.ts'
import type { SampledSequence, SampleRequest } from './requests.ts'

function request(changes: Partial<SampleRequest> = {}): SampleRequest {
  const plain = { samples: 1, seed: 1, temperature: 1, topP: 1, topK: 0, maxTokens: 8, stopTokenIds: [0] }
  return { promptTokens: [3, 4, 5], ...plain, ...changes }
}

/** One answer drawn the plain way: one sequence, no batch, no cache. */
function drawAlone(of: SampleRequest, index: number, contextLength: number): SampledSequence {
  const random = rng(of.seed, 'sample', index)
  const tokens: number[] = []
  const logprobs: number[] = []
  while (tokens.length < Math.min(of.maxTokens, contextLength - of.promptTokens.length)) {
    const row = nextLogprobs([...of.promptTokens, ...tokens])
    const token = chooseToken(row, tempered(row, of.temperature), of, of.temperature === 0 ? 0 : random.uniform())
    tokens.push(token)
    logprobs.push(row[token] ?? NaN)
    if (of.stopTokenIds.includes(token)) return { tokens, logprobs, finishReason: 'stop' }
  }
  return { tokens, logprobs, finishReason: 'length' }
}

async function drain(batcher: Batcher): Promise<void> {
  for (let passes = 0; batcher.busy; passes++) {
    if (passes > 1000) throw new Error('the batcher does not come to an end')
    await batcher.pass()
  }
}

const requests = fc.record({
  promptTokens: fc.oneof(
    fc.array(fc.nat(11), { minLength: 1, maxLength: 20 }),
    // Prompts with a long common beginning.
    fc
      .array(fc.nat(11), { minLength: 1, maxLength: 9 })
      .map((end) => [...Array.from({ length: 40 }, (_, i) => i % 5), ...end]),
  ),
  samples: fc.integer({ min: 1, max: 6 }),
  seed: fc.nat(1000),
  temperature: fc.constantFrom(0, 0.5, 1, 1.5),
  topP: fc.constantFrom(1, 0.8),
  topK: fc.constantFrom(0, 3),
  maxTokens: fc.integer({ min: 1, max: 30 }),
  stopTokenIds: fc.constantFrom([], [0], [0, 1, 2, 3]),
})

describe('Batcher', () => {
  test('every answer is the one that would be drawn alone, however requests share the rows', async () => {
    const schedule = fc.array(fc.tuple(requests, fc.nat(3)), { minLength: 1, maxLength: 8 })
    const options: fc.Arbitrary<BatcherOptions> = fc.record({
      maxRows: fc.integer({ min: 1, max: 9 }),
      // With short steps and little memory answers outgrow the cache and come back to it.
      answerStep: fc.constantFrom(2, 5, 256),
      batchInvariant: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(schedule, options, fc.constantFrom(60, 120, 300), async (plan, setup, cacheTokens) => {
        const model = new ListModel(50, cacheTokens)
        const batcher = new Batcher(model, setup)
        const answers: Promise<SampledSequence[]>[] = []
        for (const [item, passesBefore] of plan) {
          for (let i = 0; i < passesBefore; i++) await batcher.pass()
          answers.push(batcher.submit(item))
        }
        await drain(batcher)
        for (const [i, [item]] of plan.entries()) {
          const alone = Array.from({ length: item.samples }, (_, index) => drawAlone(item, index, 50))
          expect(await answers[i]).toEqual(alone)
        }
        expect(model.largestBatch).toBeLessThanOrEqual(setup.maxRows)
      }),
      { numRuns: 150, seed: 11 },
    )
  })

  test('computes a prompt once for all its answers, and a common beginning once for several prompts', async () => {
    const batcher = new Batcher(new ListModel(100), { maxRows: 4 })
    const begin = Array.from({ length: 40 }, (_, i) => i % 7)
    void batcher.submit(request({ promptTokens: [...begin, 1, 2], samples: 6, stopTokenIds: [] }))
    await drain(batcher)
    expect(batcher.counts).toMatchObject({ promptTokens: 42, prefillPasses: 1, sampledTokens: 48, reusedTokens: 0 })
    void batcher.submit(request({ promptTokens: [...begin, 1, 2] }))
    void batcher.submit(request({ promptTokens: [...begin, 3, 4, 5] }))
    await drain(batcher)
    // All but its last token of the one, which was computed before, and the beginning of the other.
    expect(batcher.counts.reusedTokens).toBe(41 + 40)
  })

  test('refills a place in the pass after it falls free', async () => {
    const batcher = new Batcher(new ListModel(), { maxRows: 2 })
    const short = batcher.submit(request({ maxTokens: 2, stopTokenIds: [] }))
    const long = batcher.submit(request({ maxTokens: 6, stopTokenIds: [] }))
    const waiting = batcher.submit(request({ maxTokens: 5, stopTokenIds: [], promptTokens: [9] }))
    await drain(batcher)
    await Promise.all([short, long, waiting])
    // Two tokens come from each prompt's pass and one more per decode pass: 1 pass for the first, then 4 for both.
    expect(batcher.counts.decodePasses).toBe(5)
  })

  test('an answer that might fill the context leaves room for others until it does', async () => {
    const model = new ListModel(900, 1000)
    const batcher = new Batcher(model, { maxRows: 8, answerStep: 50 })
    const endless = request({ maxTokens: 890, stopTokenIds: [] })
    const long = batcher.submit(endless)
    const others = Array.from({ length: 7 }, (_, seed) => batcher.submit(request({ seed, stopTokenIds: [] })))
    await batcher.pass()
    expect(batcher.load).toEqual({ running: 8, waiting: 0 })
    while (batcher.load.running > 1) await batcher.pass()
    for (const [seed, answers] of others.entries()) {
      expect(await answers).toEqual([drawAlone(request({ seed, stopTokenIds: [] }), 0, 900)])
    }
    await drain(batcher)
    expect((await long)[0]?.tokens).toHaveLength(890)
    expect(batcher.counts.preemptions).toBe(0)
  })

  test('when answers outgrow the cache the youngest leave it, and go on before new ones begin', async () => {
    const batcher = new Batcher(new ListModel(200, 400), { maxRows: 4, answerStep: 50 })
    const endings: string[] = []
    const submit = (name: string, changes: Partial<SampleRequest>): Promise<SampledSequence[]> => {
      const answers = batcher.submit(request({ stopTokenIds: [], ...changes }))
      void answers.then(() => endings.push(name))
      return answers
    }
    const first = ['a', 'b', 'c', 'd'].map((name, seed) => submit(name, { seed, maxTokens: 150 }))
    await batcher.pass()
    void submit('short', { seed: 9, maxTokens: 3 })
    await drain(batcher)
    for (const [seed, answers] of first.entries()) {
      expect(await answers).toEqual([drawAlone(request({ seed, maxTokens: 150, stopTokenIds: [] }), 0, 200)])
    }
    // 400 tokens are four rows of 100 and two of 153.
    expect(batcher.counts.preemptions).toBe(2)
    expect(endings.at(-1)).toBe('short')
  })

  test('an answer aborted while it waits to come back is gone', async () => {
    const batcher = new Batcher(new ListModel(200, 400), { maxRows: 4, answerStep: 50 })
    const controller = new AbortController()
    const kept = batcher.submit(request({ maxTokens: 150, samples: 3, stopTokenIds: [] }))
    const aborted = batcher.submit(request({ maxTokens: 150, stopTokenIds: [] }), controller.signal)
    const rejection = expect(aborted).rejects.toThrow('enough')
    while (batcher.counts.preemptions < 2) await batcher.pass()
    controller.abort(new Error('enough'))
    await drain(batcher)
    await rejection
    expect((await kept).map(({ tokens }) => tokens.length)).toEqual([150, 150, 150])
  })

  test('a failure of the model rejects what is in progress, and the batcher goes on', async () => {
    const model = new ListModel()
    const batcher = new Batcher(model, { maxRows: 2 })
    const failing = [batcher.submit(request({ samples: 3 })), batcher.submit(request())]
    model.failWith(new Error('no memory'))
    await batcher.pass()
    await Promise.all(failing.map((answers) => expect(answers).rejects.toThrow('no memory')))
    expect(batcher.busy).toBe(false)
  })

  test('an aborted request leaves at once; the others get the answers they would have had', async () => {
    const batcher = new Batcher(new ListModel(), { maxRows: 3 })
    const controller = new AbortController()
    const other = request({ samples: 2, seed: 8, stopTokenIds: [] })
    const aborted = batcher.submit(request({ samples: 5, maxTokens: 40, stopTokenIds: [] }), controller.signal)
    const kept = batcher.submit(other)
    await batcher.pass()
    controller.abort(new Error('enough'))
    const rejection = expect(aborted).rejects.toThrow('enough')
    await drain(batcher)
    await rejection
    expect(await kept).toEqual([drawAlone(other, 0, 64), drawAlone(other, 1, 64)])
  })

  test.each([
    [{ promptTokens: [] }, /prompt is empty/],
    [{ promptTokens: Array.from({ length: 64 }, () => 1) }, /64 tokens and the model's context is 64/],
    [{ promptTokens: [12] }, /holds token 12; the vocabulary has 12/],
    [{ promptTokens: [0.5] }, /holds token 0\.5/],
    [{ samples: 0 }, /samples/],
    [{ maxTokens: 1.5 }, /maxTokens/],
    [{ temperature: -1 }, /temperature/],
    [{ temperature: NaN }, /temperature/],
    [{ topP: 0 }, /topP/],
    [{ topP: 1.1 }, /topP/],
    [{ topK: -1 }, /topK/],
  ])('refuses %j', (changes, message) => {
    const batcher = new Batcher(new ListModel(), { maxRows: 1 })
    const attempt = (): void => batcher.check(request(changes))
    expect(attempt).toThrow(ModelError)
    expect(attempt).toThrow(message)
  })
})
