import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { InputError } from '../core/errors.ts'
import { StoredLines } from './stored-lines.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pop-stored-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const schema = z.object({ text: z.string() })

it('reads any line in any order, whatever characters it holds', async () => {
  const texts = ['first', 'zwölf \u2028 Boxkämpfer', '', '🦊'.repeat(100_000), 'last']
  const path = join(dir, 'a.jsonl')
  await writeFile(path, texts.map((text) => JSON.stringify({ text })).join('\n\n'))
  const lines = await StoredLines.open(path, schema)
  expect(lines.count).toBe(5)
  for (const index of [4, 0, 3, 1, 2, 1]) expect(await lines.read(index)).toEqual({ text: texts[index] })
  await expect(lines.read(5)).rejects.toThrow(RangeError)
  await lines.close()
})

it('stays with the file that it opened when another takes its name', async () => {
  const path = join(dir, 'a.jsonl')
  await writeFile(path, '{"text":"old"}\n')
  await writeFile(join(dir, 'b'), '{"text":"new, and longer"}\n')
  const lines = await StoredLines.open(path, schema)
  await rename(join(dir, 'b'), path)
  expect(await lines.read(0)).toEqual({ text: 'old' })
  await lines.close()
})

it('names the place of what is no such value, and the file that is not there', async () => {
  const path = join(dir, 'a.jsonl')
  await writeFile(path, '{"text":"a"}\n{"text":7}\n{"te\n')
  const lines = await StoredLines.open(path, schema)
  await expect(lines.read(1)).rejects.toThrow(/a\.jsonl at byte 13: "text"/)
  await expect(lines.read(2)).rejects.toThrow(/a\.jsonl at byte 24 is not JSON/)
  await lines.close()
  await expect(StoredLines.open(join(dir, 'none'), schema)).rejects.toThrow(InputError)
})
