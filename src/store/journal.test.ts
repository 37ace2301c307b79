import { spawnSync } from 'node:child_process'
import { appendFile, mkdtemp, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RunFolderError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import type { JournalCall, JournalEntry } from '../records/index.ts'
import { Journal } from './journal.ts'

const program = fileURLToPath(new URL('testing/fill-up.ts', import.meta.url))
let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pop-journal-'))
})
afterEach(async () => {
  await rm(dir, { recursive: true, force: true })
})

function call(key: string, inputs: string, text = `reply to ${key}`): JournalCall {
  const generations = [{ text, finishReason: 'stop' as const, usage: { promptTokens: 7, completionTokens: 3 } }]
  return { v: 1, kind: 'call', key, inputs, at: 1, ms: 2, model: 'm', generations }
}

function decision(key: string, inputs: string, value: string): JournalEntry {
  return { v: 1, kind: 'decision', key, inputs, at: 1, value }
}

async function fill(entries: readonly JournalEntry[]): Promise<void> {
  const journal = await Journal.open(dir)
  for (const entry of entries) await journal.append(entry)
  await journal.close()
}

describe('Journal', () => {
  it('leaves a whole file untouched when it is opened and closed, so that its readers need not look again', async () => {
    await fill([call('r1/d0/q0/propose/a0', 'i')])
    const path = join(dir, 'round-1.jsonl')
    await utimes(path, 1000, 1000)
    await fill([])
    expect((await stat(path)).mtimeMs).toBe(1_000_000)
  })

  it('gives back after reopening exactly what was appended, line separators and all scripts included', async () => {
    const entries = ['plain', 'two\nlines', 'a\u2028b\u2029c\r', '語 😀 \u0000 "\\'].map((text, index) =>
      call(`r1/d${index}/q0/propose/a0`, 'i', text),
    )
    await fill([...entries, decision('train/r1', 'x', 'done')])
    const journal = await Journal.open(dir)
    for (const entry of entries) expect(journal.get(entry.key, 'i')).toEqual(entry)
    expect(journal.latest('train/r1')).toEqual(decision('train/r1', 'x', 'done'))
    expect(journal.health).toEqual({ entries: 5, unreadable: 0, tornBytes: 0, firstUnreadable: null })
    expect(journal.usage).toEqual({ calls: 4, promptTokens: 28, completionTokens: 12 })
    await journal.close()
  })

  it('finds an entry before it is reopened, and reads it while later ones are being appended', async () => {
    const journal = await Journal.open(dir)
    const appends = Array.from({ length: 200 }, (_, index) => journal.append(call(`r1/d${index}/q0/rubric`, 'i')))
    await appends[3]
    expect(journal.get('r1/d3/q0/rubric', 'i')).toEqual(call('r1/d3/q0/rubric', 'i'))
    await Promise.all(appends)
    for (let index = 0; index < 200; index++) expect(journal.has(`r1/d${index}/q0/rubric`, 'i')).toBe(true)
    await journal.close()
    const lines = (await readFile(join(dir, 'round-1.jsonl'), 'utf8')).trimEnd().split('\n')
    expect(lines.map((line) => line.match(/d(\d+)/)?.[1]).map(Number)).toEqual(Array.from({ length: 200 }, (_, i) => i))
  })

  it('keeps entries of every input and lets the latest of equal inputs win', async () => {
    await fill([call('k', 'a', '1'), call('k', 'b', '2'), call('k', 'a', '3'), call('k', 'c', '4')])
    const journal = await Journal.open(dir)
    const text = (inputs: string): unknown =>
      (journal.get('k', inputs) as JournalCall | undefined)?.generations[0]?.text
    expect([text('a'), text('b'), text('c'), text('d')]).toEqual(['3', '2', '4', undefined])
    expect((journal.latest('k') as JournalCall).inputs).toBe('c')
    expect([...journal.keys()]).toEqual(['k'])
    await journal.close()
  })

  it('survives truncation at every byte: whole lines stay, the torn one goes, the next append is readable', async () => {
    const entries = [call('r1/a', 'i', 'é😀'), decision('r1/b', 'i', 'yes')]
    await fill(entries)
    const path = join(dir, 'round-1.jsonl')
    const bytes = await readFile(path)
    const ends = entries.reduce<number[]>((all, entry) => {
      return [...all, (all.at(-1) ?? -1) + 1 + Buffer.byteLength(JSON.stringify(entry))]
    }, [])
    expect(ends.at(-1)).toBe(bytes.length - 1)
    for (let size = 0; size <= bytes.length; size++) {
      await writeFile(path, bytes)
      await truncate(path, size)
      const journal = await Journal.open(dir)
      await journal.append(call('r1/new/q0/rubric', 'i', `at ${size}`))
      await journal.close()
      const again = await Journal.open(dir, { readOnly: true })
      const kept = entries.filter((_, index) => size >= (ends[index] ?? Infinity))
      expect([...again.keys()]).toEqual([...kept.map(({ key }) => key), 'r1/new/q0/rubric'])
      for (const entry of kept) expect(again.get(entry.key, 'i')).toEqual(entry)
      expect(again.get('r1/new/q0/rubric', 'i')).toEqual(call('r1/new/q0/rubric', 'i', `at ${size}`))
      expect(again.health).toMatchObject({ unreadable: 0, tornBytes: 0 })
      await again.close()
    }
  }, 30_000)

  it('counts lines that are no entry, says where the first is, and uses the others', async () => {
    await fill([call('r1/a', 'i'), call('r1/b', 'i')])
    const path = join(dir, 'round-1.jsonl')
    const [a, b] = (await readFile(path, 'utf8')).trimEnd().split('\n')
    const wrong = JSON.stringify({ ...call('r1/c', 'i'), generations: 'none' })
    await writeFile(path, `${a}\n\u0000\u0000garbage\n\n${wrong}\n${b}\n`)
    const journal = await Journal.open(dir)
    expect([...journal.keys()]).toEqual(['r1/a', 'r1/b'])
    const { unreadable, firstUnreadable } = journal.health
    expect(unreadable).toBe(2)
    expect(firstUnreadable).toBe(`${path} at byte ${Buffer.byteLength(`${a}\n`)}`)
    await journal.close()
  })

  it('counts a line that is damaged inside when it is asked for, and finds nothing in its place', async () => {
    await fill([call('r1/a', 'i', 'one long text'), call('r1/b', 'i'), call('r1/b', 'j')])
    const path = join(dir, 'round-1.jsonl')
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace('one long text', 'one "ong text'))
    const journal = await Journal.open(dir)
    expect(journal.get('r1/a', 'i')).toBeUndefined()
    expect(journal.health).toEqual({ entries: 2, unreadable: 1, tornBytes: 0, firstUnreadable: `${path} at byte 0` })
    await journal.append(call('r1/a', 'i', 'made again'))
    expect(journal.get('r1/a', 'i')).toEqual(call('r1/a', 'i', 'made again'))
    expect(journal.get('r1/b', 'i')).toEqual(call('r1/b', 'i'))
    await journal.close()
  })

  it('reads what the first version wrote', async () => {
    // A line as version 0.1.0 wrote it; what later entries have besides is optional.
    const line =
      '{"v":1,"kind":"call","key":"r1/d/q0/score/c0","inputs":"0123456789abcdef","at":1763900000000,"ms":812,"model":"m",' +
      '"generations":[{"text":"so","finishReason":"stop","usage":{"promptTokens":9,"completionTokens":2}}]}'
    await writeFile(join(dir, 'round-1.jsonl'), `${line}\n`)
    const journal = await Journal.open(dir)
    expect(journal.get('r1/d/q0/score/c0', '0123456789abcdef')).toMatchObject({ ms: 812, model: 'm' })
    expect(journal.usage).toEqual({ calls: 1, promptTokens: 9, completionTokens: 2 })
    await journal.close()
  })

  it('refuses a journal of a later version, to read and to write, rather than making its calls again', async () => {
    const path = join(dir, 'round-1.jsonl')
    const text = '{"v":2,"kind":"call","key":"r1/d/q0/propose/a0","what":"is new"}\n'
    await writeFile(path, text)
    await expect(Journal.open(dir)).rejects.toThrow(/later version of pop \(entries of version 2.*update pop.*--run/)
    await expect(Journal.open(dir, { readOnly: true })).rejects.toBeInstanceOf(RunFolderError)
    expect(await readFile(path, 'utf8')).toBe(text)
  })

  it('leaves a torn line alone when opened read-only, because its writer may still be at it', async () => {
    await fill([call('r1/a', 'i')])
    const path = join(dir, 'round-1.jsonl')
    await appendFile(path, '{"v":1,"kind":"ca')
    const journal = await Journal.open(dir, { readOnly: true })
    expect(journal.health).toMatchObject({ entries: 1, unreadable: 0, tornBytes: 17 })
    await expect(journal.append(call('r1/b', 'i'))).rejects.toThrow('read-only')
    await journal.close()
    expect((await readFile(path, 'utf8')).endsWith('{"v":1,"kind":"ca')).toBe(true)
  })

  it('says so when a file was changed underneath, rather than handing out something else', async () => {
    await fill([call('r1/a', 'i')])
    const journal = await Journal.open(dir)
    await truncate(join(dir, 'round-1.jsonl'), 5)
    expect(() => journal.get('r1/a', 'i')).toThrow(/round-1\.jsonl was changed while in use/)
    await journal.close()
  })

  it('loses nothing that it took when the disk takes no more, and leaves no torn line', async () => {
    if (process.platform === 'win32') return
    // A limit on the size of files stands in for a full disk: the write that crosses it fails half-way.
    const command = `ulimit -f 64; exec "${process.execPath}" --import tsx "${program}" "${dir}"`
    const { stdout } = spawnSync('bash', ['-c', command], { encoding: 'utf8' })
    const said = parseJson(stdout)
    const { taken, message } = said.ok ? (said.value as { taken: number; message: string }) : { taken: 0, message: '' }
    expect(taken).toBeGreaterThan(20)
    expect(message).toMatch(/Cannot write .*round-1\.jsonl: the disk is full.*what was saved is intact/)
    expect((await readFile(join(dir, 'round-1.jsonl'), 'utf8')).endsWith('}\n')).toBe(true)
    const journal = await Journal.open(dir)
    expect(journal.health).toMatchObject({ entries: taken, unreadable: 0, tornBytes: 0 })
    await journal.close()
  })
})
