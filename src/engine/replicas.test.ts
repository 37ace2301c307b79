import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InputError } from '../core/errors.ts'
import { Engine } from './engine.ts'
import type { OptimizerSettings } from './training/trainer.ts'
import type { SampleRequest } from './sampling/requests.ts'

const model = join(import.meta.dirname, '../../test/goldens/tiny-models/llama')
const ADAM: OptimizerSettings = {
  learningRate: 1e-2,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0,
  maxGradNorm: 1,
}
const sequences = [3, 17, 9, 24, 5].map((length, i) => Array.from({ length }, (_, t) => 3 + ((7 * t + 11 * i) % 300)))
const weights = sequences.map((tokens) => tokens.slice(1).map((_, t) => 0.02 * ((t % 3) - 0.5)))
const requests: SampleRequest[] = sequences.map((promptTokens, seed) => ({
  promptTokens,
  samples: 2,
  seed,
  temperature: 1,
  topP: 1,
  topK: 0,
  maxTokens: 12,
  stopTokenIds: [2],
}))

describe('two replicas', { timeout: 60_000 }, () => {
  let one: Engine
  let two: Engine
  let dir: string
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'pop-replicas-'))
    one = await Engine.open(model, { threads: 1, replicas: 1 })
    two = await Engine.open(model, { threads: 2, replicas: 2 })
  }, 60_000)
  afterAll(async () => {
    await Promise.all([one.close(), two.close()])
    rmSync(dir, { recursive: true, force: true })
  })

  it('give log-probabilities in the order of the sequences', async () => {
    const expected = await one.logprobs(sequences)
    const got = await two.logprobs(sequences)
    expect(got.map((row) => row.length)).toEqual(expected.map((row) => row.length))
    got.forEach((row, i) => {
      row.forEach((value, t) => {
        expect(value).toBeCloseTo(expected[i]?.[t] ?? Number.NaN, 5)
      })
    })
  })

  it('compute a common beginning once where they are told to, the sequences of a pair in one replica', async () => {
    const beginning = Array.from({ length: 24 }, (_, i) => 3 + i)
    const pairs = [5, 6, 7].flatMap((token) => [
      [token, ...beginning, 40, 41],
      [token, ...beginning, 50, 51, 52],
    ])
    const sharing = await Engine.open(model, { threads: 2, replicas: 2, sharePrefixes: true })
    const expected = await one.logprobs(pairs)
    const got = await sharing.logprobs(pairs)
    await sharing.close()
    expect(got.map(({ length }) => length)).toEqual(pairs.map(({ length }) => length - 1))
    got.forEach((row, i) => {
      row.forEach((value, t) => {
        expect(value).toBeCloseTo(expected[i]?.[t] ?? Number.NaN, 4)
      })
    })
  })

  it('draw the answers that one engine draws', async () => {
    const texts = async (engine: Engine): Promise<string[][]> =>
      (await engine.generate(requests)).map((answers) => answers.map(({ text }) => text))
    expect(await texts(two)).toEqual(await texts(one))
  })

  it('stream the tokens of the answers that they return', async () => {
    for (const engine of [one, two]) {
      const streamed = requests.map(({ samples }) => Array.from({ length: samples }, (): number[] => []))
      const answers = await engine.generate(requests, undefined, ({ request, sample, token }) => {
        streamed[request]?.[sample]?.push(token)
      })
      expect(streamed).toEqual(answers.map((list) => list.map(({ tokens }) => tokens)))
    }
  })

  it('give the most likely tokens at each place when asked', async () => {
    const [request] = requests
    if (request === undefined) throw new Error('no request')
    const [[answer] = []] = await two.generate([{ ...request, temperature: 0, samples: 1, topLogprobs: 3 }])
    expect(answer?.topLogprobs).toHaveLength(answer?.tokens.length ?? 0)
    answer?.topLogprobs?.forEach((top, t) => {
      expect(top).toHaveLength(3)
      // Greedy: the most likely token is the one that was taken.
      expect(top[0]).toEqual({ token: answer.tokens[t], logprob: answer.logprobs[t] })
      expect([...top].sort((a, b) => b.logprob - a.logprob)).toEqual(top)
    })
  })

  it('train as one engine does, and stay equal bit for bit', async () => {
    for (const engine of [one, two]) {
      for (let i = 0; i < 3; i++) {
        await engine.accumulate(sequences, weights)
        await engine.accumulate(sequences.slice(0, 1), weights.slice(0, 1))
        await engine.step(i === 2 ? { ...ADAM, muon: { learningRate: 0.01, momentum: 0.9 } } : ADAM)
      }
    }
    const expected = await one.logprobs(sequences)
    const got = await two.logprobs(sequences)
    got.forEach((row, i) => {
      row.forEach((value, t) => {
        expect(value).toBeCloseTo(expected[i]?.[t] ?? Number.NaN, 3)
      })
    })
    // Alone in a call, a sequence goes to the first replica; the second of two equal ones goes to the second.
    const [longest = []] = sequences.slice(3, 4)
    const [first, second] = await two.logprobs([longest, longest])
    expect(second).toEqual(first)
  })

  it('save weights and moments that one engine opens', async () => {
    await two.save(dir)
    await two.saveOptimizer(dir)
    const again = await Engine.open(dir, { threads: 2, replicas: 2 })
    await again.loadOptimizer(dir)
    for (const engine of [two, again]) {
      await engine.accumulate(sequences, weights)
      await engine.step(ADAM)
    }
    expect(await again.logprobs(sequences)).toEqual(await two.logprobs(sequences))
    await again.close()
  })

  it('keep and restore snapshots together', async () => {
    const before = await two.logprobs(sequences)
    const snapshot = await two.snapshotWeights()
    await two.accumulate(sequences, weights)
    await two.step(ADAM)
    await two.restoreWeights(snapshot)
    await two.dropSnapshot(snapshot)
    expect(await two.logprobs(sequences)).toEqual(before)
  })

  it('count the tokens of all, and refuse what one refuses', async () => {
    const before = await two.stats()
    const answers = await two.generate(requests)
    const after = await two.stats()
    expect(after.sampledTokens - before.sampledTokens).toBe(answers.flat().flatMap(({ tokens }) => tokens).length)
    expect(after.promptTokens - before.promptTokens).toBe(sequences.flat().length)
    expect(after).toMatchObject({ runningSamples: 0, waitingRequests: 0 })
    await expect(
      two.logprobs([
        [1, 2],
        [1, 999_999],
      ]),
    ).rejects.toThrow(InputError)
  })
})
