import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../core/clock.ts'
import { RunFolder, RunReader } from '../store/index.ts'
import { RunView } from './reading/run-view.ts'
import { readStanding, RunWatch } from './standing.ts'
import { writeSampleRun } from './testing/sample-folder.ts'
import { sampleExamples } from './testing/sample-run.ts'

let dir = ''
let reader: RunReader
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'pop-standing-')), 'run')
  reader = new RunReader(dir)
})
afterEach(() => rm(join(dir, '..'), { recursive: true, force: true }))

describe('where a run stands', () => {
  it('is the same watched as read once, also of a journal with damaged lines', async () => {
    await writeSampleRun(dir)
    const path = join(reader.journalDir, 'round-1.jsonl')
    const { length } = await readFile(path)
    await appendFile(path, 'garbage\n{"v":1,"kind":"call","key":"r1/d\n')
    const once = await readStanding(reader)
    expect(once.spent.damage).toEqual({ unreadable: 2, firstUnreadable: `${path} at byte ${length}` })
    expect(once.data.rounds.map(({ examples, pairs }) => [examples, pairs])).toEqual([
      [null, null],
      [9, 0],
      [9, 0],
    ])
    const watched = await new RunWatch(reader, systemClock).look(false)
    expect({ ...watched.spent, calls: new Map(watched.spent.calls) }).toEqual({
      ...once.spent,
      calls: new Map([...once.spent.calls].sort(([a], [b]) => a - b)),
    })
    expect(watched.data).toEqual(once.data)
  })

  it('follows what is appended: every call of every stage, a suite by its round and not by its words', async () => {
    await writeSampleRun(dir)
    const watch = new RunWatch(reader, systemClock)
    const before = await watch.look(false)
    expect(Object.fromEntries(before.spent.calls)).toEqual({
      0: { evaluate: 3 },
      1: { propose: 9, solve: 9, score: 56, evaluate: 3 },
      2: { propose: 9, solve: 9, score: 56, evaluate: 3 },
    })
    const folder = await RunFolder.open(dir)
    const generations = [{ text: 'a', finishReason: 'stop' as const, usage: { promptTokens: 1, completionTokens: 2 } }]
    for (const key of ['r2/d/q0/solve/a0', 'r2/heldout/d/score/0/rate/a0']) {
      await folder.journal.append({ v: 1, kind: 'call', key, inputs: 'new', at: 0, ms: 0, model: 'm', generations })
    }
    await folder.close()
    const wanted = { propose: 9, solve: 10, score: 56, evaluate: 4 }
    expect((await watch.look(false)).spent.calls.get(2)).toEqual(wanted)
    expect((await readStanding(reader)).spent.calls.get(2)).toEqual(wanted)
  })

  it('is not told, watched or read once, of a journal that a later version wrote to', async () => {
    await writeSampleRun(dir)
    const watch = new RunWatch(reader, systemClock)
    await watch.look(false)
    await appendFile(join(reader.journalDir, 'round-1.jsonl'), '{"v":2,"kind":"call","key":"r1/d"}\n')
    const told = /round-1\.jsonl was written by a later version of pop \(entries of version 2/
    await expect(readStanding(reader)).rejects.toThrow(told)
    await expect(watch.look(false)).rejects.toThrow(told)
  })

  it('leaves the index of the examples, which is the viewer’s, as it is', async () => {
    const document = 'words '.repeat(100_000)
    await writeSampleRun(dir, {
      rounds: 1,
      examples: (round) => sampleExamples(round).map((example) => ({ ...example, document })),
    })
    const outcomeOf = (): { outcome: 'paired'; chosen: number; rejected: number } => ({
      outcome: 'paired',
      chosen: 0,
      rejected: 1,
    })
    await new RunView('0', reader, { rules: { outcomeOf } }).refresh()
    const path = join(dir, '.index', 'examples-round-1.index')
    const kept = await readFile(path)
    await new RunWatch(reader, systemClock).look(false)
    expect((await readFile(path)).equals(kept)).toBe(true)
  })
})
