/** Tables of every kind that is read. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { sha256 } from '../core/hash.ts'
import { parseCsv } from './csv.ts'
import { readTable } from './table.ts'

const folder = mkdtempSync(join(tmpdir(), 'pop-table-'))
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('readTable', () => {
  test('reads lines of JSON and states the checksum of the bytes', async () => {
    const text = '{"a":1}\n\n{"a":2}\n'
    const table = await readTable(write('rows.jsonl', text))
    expect(table).toMatchObject({ rows: [{ a: 1 }, { a: 2 }], sha256: sha256(text) })
  })

  test('reads a list, and an object whose keys become ids', async () => {
    expect((await readTable(write('list.json', '[{"a":1}]'))).rows).toEqual([{ a: 1 }])
    expect((await readTable(write('map.json', '{"x":{"a":1}}'))).rows).toEqual([{ id: 'x', a: 1 }])
  })

  test.each([
    ['broken.jsonl', '{"a":1}\n{"a"', 'line 2 is not JSON'],
    ['broken.json', '{', 'is not JSON'],
    ['table.xlsx', 'x', '.parquet and .txt'],
  ])('says what is wrong with %s', async (name, text, message) => {
    await expect(readTable(write(name, text))).rejects.toThrow(message)
  })
})

describe('parseCsv', () => {
  test('knows quotes, doubled quotes and line breaks inside them', () => {
    expect(parseCsv('Question,Answer\r\n"Say ""hi"", twice\nplease",2\r\nplain,"a,b"\n')).toEqual([
      { Question: 'Say "hi", twice\nplease', Answer: '2' },
      { Question: 'plain', Answer: 'a,b' },
    ])
  })

  test('reads a header alone, an empty file and an unclosed quote', () => {
    expect(parseCsv('a,b\n')).toEqual([])
    expect(parseCsv('')).toEqual([])
    expect(parseCsv('a\n"open')).toEqual([{ a: '"open' }])
  })
})
