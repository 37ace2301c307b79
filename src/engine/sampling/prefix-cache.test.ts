import { describe, expect, test } from 'vitest'
import { ListModel } from '../testing/list-model.ts'
import { Batcher } from './batcher.ts'
import { PrefixCache } from './prefix-cache.ts'
import type { SampleRequest } from './requests.ts'

const prompt = (length: number, ...end: number[]): number[] => [...Array.from({ length }, (_, i) => i % 7), ...end]
const row = (length: number): { length: number; parts: Float32Array[] } => ({
  length,
  parts: [new Float32Array(length)],
})

describe('PrefixCache', () => {
  test('keeps long prompts, each beginning once, and forgets what was not used longest', () => {
    const cache = new PrefixCache()
    cache.keep(prompt(10), 4, () => row(10))
    expect(cache.prompts).toEqual([])
    cache.keep(prompt(50, 1), 4, () => row(51))
    cache.keep(prompt(50, 2), 4, () => expect.unreachable('most of it is kept'))
    expect(cache.prompts).toHaveLength(1)
    const others = Array.from({ length: 16 }, (_, i) => Array.from({ length: 40 }, (_, t) => ((t + i) % 11) + i))
    for (const other of others.slice(0, 15)) cache.keep(other, 4, () => row(40))
    expect(cache.use(0).length).toBe(51)
    for (const other of others.slice(15)) cache.keep(other, 4, () => row(40))
    expect(cache.prompts).toContainEqual(prompt(50, 1))
    expect(cache.prompts).not.toContainEqual(others[0])
    cache.clear()
    expect(cache.prompts).toEqual([])
  })

  test('keeps no more than its share of memory', () => {
    const cache = new PrefixCache()
    const mebibytes = 2 ** 22
    for (let i = 0; i < 4; i++) {
      const tokens = Array.from({ length: 40 }, (_, t) => t + i)
      cache.keep(tokens, mebibytes, (length) => ({ length, parts: [new Float32Array(length * 2 ** 20)] }))
    }
    expect(cache.prompts).toHaveLength(1)
  })

  test('of a prompt that is too large keeps the beginning, and copies no more', () => {
    const cache = new PrefixCache()
    const copied: number[] = []
    const keep = (tokens: number[], bytesPerToken: number): void => {
      cache.keep(tokens, bytesPerToken, (length) => {
        copied.push(length)
        return row(length)
      })
    }
    keep(prompt(500), 2 ** 20)
    expect(cache.prompts).toEqual([prompt(500).slice(0, 256)])
    keep(prompt(900), 2 ** 20)
    keep(
      Array.from({ length: 500 }, (_, i) => i),
      2 ** 24,
    )
    expect(copied).toEqual([256])
    expect(cache.use(0).length).toBe(256)
  })
})

describe('requests one after another', () => {
  const request = (promptTokens: number[]): SampleRequest => {
    const settings = { samples: 1, seed: 1, temperature: 1, topP: 1, topK: 0, maxTokens: 4, stopTokenIds: [] }
    return { promptTokens, ...settings }
  }
  async function ask(batcher: Batcher, tokens: number[]): Promise<number[] | undefined> {
    const answer = batcher.submit(request(tokens))
    while (batcher.busy) await batcher.pass()
    return (await answer)[0]?.tokens
  }

  test('share the beginning of their prompts, and answer as without it', async () => {
    const batcher = new Batcher(new ListModel(), { maxRows: 4 })
    const plain = new Batcher(new ListModel(), { maxRows: 4, batchInvariant: true })
    const prompts = [prompt(45, 1), prompt(45, 2, 3), prompt(45, 3)]
    for (const tokens of prompts) expect(await ask(batcher, tokens)).toEqual(await ask(plain, tokens))
    expect(batcher.counts.reusedTokens).toBe(90)
    expect(plain.counts.reusedTokens).toBe(0)
    batcher.forgetPrompts()
    await ask(batcher, prompt(45, 4))
    expect(batcher.counts.reusedTokens).toBe(90)
  })
})
