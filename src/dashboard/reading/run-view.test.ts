import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { configSchema, type Example } from '../../records/index.ts'
import { RunFolder, RunReader } from '../../store/index.ts'
import { writeSampleRun } from '../testing/sample-folder.ts'
import { sampleExamples } from '../testing/sample-run.ts'
import { overview } from './overview.ts'
import { RunView } from './run-view.ts'

let dir = ''
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'pop-run-view-')), 'run')
})
afterEach(() => rm(join(dir, '..'), { recursive: true, force: true }))

async function setMode(mode: 'pairwise' | 'anchored'): Promise<void> {
  const folder = await RunFolder.open(dir)
  const config = await folder.readConfig()
  await folder.writeConfig(configSchema.parse({ ...config, scoring: { ...config?.scoring, mode } }))
  await folder.close()
}

/** Both within 0 to 1: shares of wins or differences of ratings, as far as the numbers tell. */
const comparisons = [
  { first: 0, second: 1, shownFirst: 1, shownSecond: 0, value: 0.5 },
  { first: 0, second: 2, shownFirst: 1, shownSecond: 1, value: 1 },
]

function compared(round: number): Example[] {
  return sampleExamples(round).map((example) => ({ ...example, comparisons }))
}

describe('the view of a run', () => {
  it('says that a later version wrote to its journal, and shows what can be read of it', async () => {
    await writeSampleRun(dir, { rounds: 1 })
    const reader = await RunReader.open(dir)
    const view = new RunView('0', reader)
    await view.refresh()
    const before = await overview(view, systemClock)
    expect(before.faults).toEqual([])
    await appendFile(join(reader.journalDir, 'round-1.jsonl'), '{"v":2,"kind":"call","key":"r1/d"}\n')
    await view.refresh()
    const { faults, rounds, costs } = await overview(view, systemClock)
    expect(faults).toEqual([expect.stringMatching(/round-1\.jsonl was written by a later version of pop.*version 2/)])
    expect([rounds, costs]).toEqual([before.rounds, before.costs])
  })

  it('counts order flips by the way the run scores, also when that changes', async () => {
    await writeSampleRun(dir, { rounds: 1, examples: compared })
    const view = new RunView('0', await RunReader.open(dir))
    const counted = async (): Promise<unknown> => {
      // The small files are looked at when a look ends: what they say now counts from the next one on.
      for (let look = 0; look < 2; look++) await view.refresh()
      const row = view.examplesOf(1).rows[0]
      return { compared: row?.compared, flips: row?.flips }
    }
    await setMode('anchored')
    expect(await counted()).toEqual({ compared: 1, flips: 0 })
    await setMode('pairwise')
    expect(await counted()).toEqual({ compared: 2, flips: 1 })
  })
})
