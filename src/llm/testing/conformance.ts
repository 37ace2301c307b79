/** What every `LanguageModel` must do, whatever stands behind it: one suite, run over each implementation. For tests. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GenerateRequest, LanguageModel } from '../../records/index.ts'

export interface Subject {
  readonly model: LanguageModel
  close(): Promise<void>
}

export interface Promises {
  /** Temperature > 0 gives different samples for different seeds. */
  readonly samples: boolean
  /** Samples repeat under the same seed. */
  readonly repeatable: boolean
  /** Sample i is the same however many are asked for. */
  readonly independentSamples: boolean
}

const request: GenerateRequest = {
  messages: [{ role: 'user', content: 'Say something about rivers.' }],
  n: 1,
  temperature: 1,
  topP: 1,
  maxTokens: 24,
  seed: 7,
}

export function describeLanguageModel(name: string, start: () => Promise<Subject>, promises: Promises): void {
  describe(`${name} as a LanguageModel`, () => {
    let subject: Subject
    const texts = async (changes: Partial<GenerateRequest>): Promise<string[]> =>
      (await subject.model.generate({ ...request, ...changes })).map((generation) => generation.text)

    beforeAll(async () => {
      subject = await start()
    })
    afterAll(() => subject.close())

    it('has a name', () => {
      expect(subject.model.name).not.toBe('')
    })

    it.each([1, 2, 7])('returns exactly %i samples', async (n) => {
      expect(await texts({ n })).toHaveLength(n)
    })

    it('counts the prompt once per request', async () => {
      const [first, ...others] = await subject.model.generate({ ...request, n: 3 })
      expect(first?.usage.promptTokens).toBeGreaterThan(0)
      expect(others.map((generation) => generation.usage.promptTokens)).toEqual([0, 0])
    })

    it('keeps to the token limit and says when it cut', async () => {
      const generations = await subject.model.generate({ ...request, n: 6, maxTokens: 3 })
      for (const { usage, finishReason } of generations) {
        expect(usage.completionTokens).toBeGreaterThanOrEqual(0)
        expect(['stop', 'length']).toContain(finishReason)
      }
      const total = generations.reduce((sum, { usage }) => sum + usage.completionTokens, 0)
      expect(total).toBeLessThanOrEqual(18)
      expect(generations.map(({ finishReason }) => finishReason)).toContain('length')
    })

    it('repeats greedy answers, and gives equal ones for n > 1', async () => {
      const once = await texts({ temperature: 0 })
      expect(await texts({ temperature: 0, seed: 99 })).toEqual(once)
      expect(await texts({ temperature: 0, n: 3 })).toEqual([once[0], once[0], once[0]])
    })

    it.runIf(promises.repeatable)('repeats samples under the same seed', async () => {
      expect(await texts({ n: 4 })).toEqual(await texts({ n: 4 }))
    })

    it.runIf(promises.samples)('gives different samples within a request and for different seeds', async () => {
      const some = await texts({ n: 5 })
      expect(new Set(some).size).toBeGreaterThan(1)
      expect(await texts({ n: 5, seed: 8 })).not.toEqual(some)
    })

    it.runIf(promises.independentSamples)('gives sample i whatever n is', async () => {
      const five = await texts({ n: 5 })
      expect(await texts({ n: 2 })).toEqual(five.slice(0, 2))
    })

    it('ends before a stop string', async () => {
      const [free] = await subject.model.generate({ ...request, temperature: 0 })
      const stop = (free?.text ?? '').slice(2, 5)
      expect(stop).toHaveLength(3)
      const [cut] = await subject.model.generate({ ...request, temperature: 0, stop: [stop] })
      expect(cut?.text).toBe(free?.text.slice(0, free.text.indexOf(stop)))
      expect(cut?.finishReason).toBe('stop')
    })

    it('answers many calls at once as it answers them one by one', async () => {
      const seeds = [1, 2, 3, 4, 5, 6]
      const together = await Promise.all(
        seeds.map((seed) => texts({ seed, n: 2, temperature: promises.repeatable ? 1 : 0 })),
      )
      const apart: string[][] = []
      for (const seed of seeds) apart.push(await texts({ seed, n: 2, temperature: promises.repeatable ? 1 : 0 }))
      expect(together).toEqual(apart)
    })

    it('rejects with the reason of an aborted signal', async () => {
      const reason = new Error('enough')
      await expect(subject.model.generate(request, AbortSignal.abort(reason))).rejects.toBe(reason)
      const controller = new AbortController()
      const pending = subject.model.generate({ ...request, n: 8, maxTokens: 64 }, controller.signal)
      controller.abort(reason)
      await expect(pending).rejects.toBe(reason)
    })
  })
}
