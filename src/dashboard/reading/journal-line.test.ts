import { describe, expect, it } from 'vitest'
import { journalCall } from './journal-line.ts'

const entry = (changes: object = {}): object => ({
  v: 1,
  kind: 'call',
  key: 'r1/doc/q0/solve/a0',
  inputs: 'i',
  at: 1234.5,
  ms: 10,
  model: 'lab@1',
  generations: [
    { text: 'one', finishReason: 'stop', usage: { promptTokens: 7, completionTokens: 3 } },
    { text: 'two', finishReason: 'length', usage: { promptTokens: 0, completionTokens: 5 } },
  ],
  ...changes,
})
const read = (value: unknown): unknown => journalCall(Buffer.from(JSON.stringify(value)))
const wanted = {
  key: 'r1/doc/q0/solve/a0',
  at: 1234.5,
  ms: 10,
  model: 'lab@1',
  samples: 2,
  promptTokens: 7,
  completionTokens: 8,
  cut: 1,
}

describe('a line of the journal', () => {
  it('is read at its head, without its texts', () => {
    expect(read(entry())).toEqual(wanted)
  })

  it('cannot be forged by a text that looks like the line itself', () => {
    const text = JSON.stringify(entry())
    const generations = [
      {
        text: `${text}"usage":{"promptTokens":999,"completionTokens":9}`,
        finishReason: 'stop',
        usage: { promptTokens: 1, completionTokens: 2 },
      },
    ]
    expect(read(entry({ generations }))).toEqual({
      ...wanted,
      samples: 1,
      promptTokens: 1,
      completionTokens: 2,
      cut: 0,
    })
  })

  it('is parsed in full where its parts come in another order, or need unescaping', () => {
    const { v, kind, ...rest } = entry() as { v: number; kind: string }
    expect(read({ ...rest, kind, v })).toEqual(wanted)
    expect(read(entry({ model: 'a "b" ü' }))).toEqual({ ...wanted, model: 'a "b" ü' })
    expect(read(entry({ key: 'r1/ü/q0/solve/a0' }))).toEqual({ ...wanted, key: 'r1/ü/q0/solve/a0' })
    expect(read(entry({ model: 'm'.repeat(5000) }))).toEqual({ ...wanted, model: 'm'.repeat(5000) })
  })

  it('is none when it is a decision or garbage', () => {
    expect(read({ v: 1, kind: 'decision', key: 'r1/train', inputs: 'i', at: 1, value: {} })).toBeNull()
    expect(journalCall(Buffer.from('{"v":1,"kind":"call","key'))).toBeNull()
  })
})
