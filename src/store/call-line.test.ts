import { describe, expect, it } from 'vitest'
import { rng } from '../core/rng.ts'
import type { JournalCall } from '../records/index.ts'
import { headOf, readHead } from './call-line.ts'

const random = rng(1, 'lines')
const pieces = [
  'words',
  '"',
  '\\',
  '\n',
  ',"usage":{"promptTokens":5',
  '}}]}',
  '語😀',
  '\u0000',
  '\u2028',
  '","inputs":"',
]

function text(): string {
  return Array.from({ length: random.below(6) }, () => random.pick(pieces)).join('')
}

function entry(): JournalCall {
  const generations = Array.from({ length: 1 + random.below(3) }, () => {
    const usage = { promptTokens: random.below(1e6), completionTokens: random.below(100) }
    const finishReason = random.pick(['stop', 'length'] as const)
    const more = random.pick([
      {},
      { tokens: [1, 2], logprobs: [-0.5, 0] },
      { numbers: [{ offset: 1, logprobs: { '1': -0.25, '}}]}': -1 } }] },
      { tokens: [], logprobs: [] },
    ])
    return { text: text(), finishReason, usage, ...more }
  })
  const [key, model] = [`r1/é${random.below(9)}/q0/solve/a0`, `org/m${random.below(3)}`]
  return {
    v: 1,
    kind: 'call',
    key,
    inputs: '0123456789abcdef',
    at: 1763900000000,
    ms: random.below(9),
    model,
    generations,
  }
}

const lineOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

describe('readHead', () => {
  it('says of a call’s line what parsing it says, whatever the texts hold', () => {
    for (let i = 0; i < 2000; i++) {
      const call = entry()
      expect(readHead(lineOf(call))).toEqual(headOf(call))
    }
  })

  it('is sure of samples that are followed by their ids or by numbers: those lines are the longest', () => {
    const call = entry()
    const usage = { promptTokens: 1, completionTokens: 2 }
    const sample = { text: 'a', finishReason: 'length' as const, usage }
    const numbers = [{ offset: 0, logprobs: { '1': -0.25 } }]
    for (const more of [{ tokens: [1, 2], logprobs: [-0.5, 0] }, { numbers }]) {
      const whole = { ...call, generations: [sample, { ...sample, ...more }] }
      expect(readHead(lineOf(whole))).toEqual(headOf(whole))
      expect(readHead(lineOf(whole))?.call).toMatchObject({ samples: 2, cut: 2, completionTokens: 4 })
    }
  })

  it('leaves to the parser what it is not sure of: other versions and kinds, escaped names, torn and other lines', () => {
    const call = entry()
    const [generation] = call.generations
    const unsure = [
      { ...call, v: 2 },
      { v: 1, kind: 'decision', key: 'k', inputs: 'i', at: 1, value: [[{ a: {} }]] },
      { ...call, key: 'a "quoted" key' },
      { ...call, model: 'back\\slash' },
      { ...call, at: 0.5 },
      { ...call, generations: [] },
      { ...call, generations: 'none' },
      { ...call, generations: [{ ...generation, usage: { promptTokens: -1, completionTokens: 1 } }] },
      { kind: 'decision', key: 'k', inputs: 'i', at: 1, v: 1, value: 'x' },
    ]
    for (const value of unsure) expect(readHead(lineOf(value))).toBeNull()
    const plain = { text: 'plain', finishReason: 'stop', usage: { promptTokens: 1, completionTokens: 2 } }
    const line = lineOf({ ...call, generations: [plain] })
    for (let size = 0; size < line.length; size++) expect(readHead(line.subarray(0, size))).toBeNull()
    expect(readHead(Buffer.concat([line.subarray(0, 60), Buffer.alloc(9), line.subarray(69)]))).toBeNull()
  })
})
