import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitLines, type Line } from './lines.ts'

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size))
}

async function lines(text: string, size: number, maxBytes?: number): Promise<Line[]> {
  const out: Line[] = []
  for await (const line of splitLines(inChunks(Buffer.from(text), size), maxBytes)) out.push(line)
  return out
}

describe('splitLines', () => {
  it('agrees with String.split for every text and chunk size, multi-byte characters included', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', '\n', '\r', 'é', '語', '\u2028', '😀'), maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (whole, size) => {
        const expected = whole.split('\n')
        if (expected.at(-1) === '') expected.pop()
        const found = await lines(whole, size)
        expect(found.map((line) => Buffer.from(line.bytes).toString('utf8'))).toEqual(expected)
        for (const line of found) {
          const slice = Buffer.from(whole).subarray(line.offset, line.offset + line.length)
          expect(Buffer.from(line.bytes).equals(slice)).toBe(true)
        }
        expect(found.every((line, index) => line.terminated || index === found.length - 1)).toBe(true)
      }),
    )
  })

  it('drops the bytes of an overlong line and goes on with the next one', async () => {
    const found = await lines('abcdefgh\nok\n', 3, 5)
    expect(found.map(({ tooLong, length, offset }) => ({ tooLong, length, offset }))).toEqual([
      { tooLong: true, length: 8, offset: 0 },
      { tooLong: false, length: 2, offset: 9 },
    ])
    expect(Buffer.from(found[1]?.bytes ?? []).toString()).toBe('ok')
  })
})
