import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeSampleRun } from '../../dashboard/testing/sample-folder.ts'
import { RunFolder } from '../../store/index.ts'
import type { Context } from '../command.ts'
import { dispatch } from '../dispatch.ts'
import { fakeContext } from '../testing/fake-context.ts'
import { verbs } from '../verbs.ts'

let dir = ''
beforeAll(async () => {
  dir = join(mkdtempSync(join(tmpdir(), 'pop-status-')), 'run')
  await writeSampleRun(dir)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe('pop status --watch', () => {
  it('shows the run again and again until nobody writes it, then once more and ends', async () => {
    const folder = await RunFolder.open(dir)
    const context = fakeContext({ live: true })
    let sleeps = 0
    const clock: Context['clock'] = {
      ...context.clock,
      sleep: async (ms) => {
        expect(ms).toBe(2000)
        if (++sleeps === 2) await folder.close()
      },
    }
    expect(await dispatch(['status', dir, '--watch'], verbs, '0.0.0', { ...context, clock })).toBe(0)
    expect(sleeps).toBe(2)
    expect(context.output.stdout.split('finished up to round 2 evaluate')).toHaveLength(4)
    // The screen is wiped before each.
    expect(context.output.stderr.split('\u001B[2J')).toHaveLength(4)
  })

  it('tells how fast the running stage goes, and how long it will take', async () => {
    const folder = await RunFolder.open(dir)
    const manifest = await folder.readManifest()
    if (manifest === null) throw new Error('no manifest')
    await folder.writeManifest({ ...manifest, stages: [{ round: 2, stage: 'synthesis', state: 'running' }] })
    const context = fakeContext()
    let sleeps = 0
    // The sample run's calls end ten per second, on this day.
    const clock: Context['clock'] = {
      ...context.clock,
      now: () => Date.UTC(2026, 0, 2, 3, 5),
      sleep: async () => {
        if (++sleeps === 2) await folder.close()
      },
    }
    expect(await dispatch(['status', dir, '--watch'], verbs, '0.0.0', { ...context, clock })).toBe(0)
    expect(context.output.stdout).toMatch(
      /74 of about [\d,]+ calls of this stage · \d+\.\d calls\/s · \d+ tokens\/s · about \d+ (min|h) left/,
    )
    const again = await RunFolder.open(dir)
    await again.writeManifest(manifest)
    await again.close()
  })

  it('shows a finished run once, without control codes where there is no terminal', async () => {
    const context = fakeContext()
    expect(await dispatch(['status', dir, '--watch', '--json'], verbs, '0.0.0', context)).toBe(0)
    expect(context.output.stdout.trim().split('\n')).toHaveLength(1)
    expect(JSON.parse(context.output.stdout)).toMatchObject({ rounds: [{ round: 0 }, { round: 1 }, { round: 2 }] })
    expect(context.output.stderr).not.toContain('\u001B')
  })
})
