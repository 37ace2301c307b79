/**
 * Event files against TensorBoard itself: the bytes that its writer makes of the same events (committed), and, where POP_PYTHON
 * names a Python that has it, what it reads in an exported run.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readRunData } from '../../dashboard/index.ts'
import { writeSampleRun } from '../../dashboard/testing/sample-folder.ts'
import { RunReader } from '../../store/index.ts'
import { dispatch } from '../dispatch.ts'
import { fakeContext } from '../testing/fake-context.ts'
import { verbs } from '../verbs.ts'
import { eventFile, type Scalar } from './event-file.ts'

const golden = fileURLToPath(new URL('../../../test/goldens/tensorboard.json', import.meta.url))
const script = fileURLToPath(new URL('../../../test/goldens/tensorboard_events.py', import.meta.url))
const python = process.env['POP_PYTHON']

let dir = ''
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'pop-tensorboard-'))
  await writeSampleRun(join(dir, 'run'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

async function exportTo(out: string): Promise<{ code: number; stdout: string }> {
  const context = fakeContext({})
  const code = await dispatch(
    ['export', join(dir, 'run'), '--to', 'tensorboard', '--out', out],
    verbs,
    '0.0.0',
    context,
  )
  return { code, stdout: context.output.stdout }
}

describe('an event file', () => {
  it('is byte by byte what TensorBoard writes', () => {
    const { wallTime, scalars, hex } = JSON.parse(readFileSync(golden, 'utf8')) as {
      wallTime: number
      scalars: Scalar[]
      hex: string
    }
    expect(eventFile(wallTime, scalars).toString('hex')).toBe(hex)
  })
})

describe('pop export --to tensorboard', () => {
  it('writes training, evaluation and health of all rounds, and nothing over what is there', async () => {
    const out = join(dir, 'out')
    const { code, stdout } = await exportTo(out)
    expect(code).toBe(0)
    expect(stdout).toContain('tensorboard --logdir')
    expect(readdirSync(out).sort()).toEqual(['evaluation', 'training'])
    expect((await exportTo(out)).code).toBe(2)
  })

  it.skipIf(python === undefined)(
    'is read by TensorBoard as the run has it (needs POP_PYTHON)',
    async () => {
      const out = join(dir, 'live')
      await exportTo(out)
      const read = execFileSync(python ?? '', [script, out], { encoding: 'utf8' })
      const runs = JSON.parse(read) as Record<string, Record<string, [number, number, number][]>>
      const { rounds } = await readRunData(await RunReader.open(join(dir, 'run')))
      const steps = rounds.flatMap((round) => round.steps)
      const loss = runs['training']?.['train/loss'] ?? []
      expect(loss.map(([, step]) => step)).toEqual(steps.map((_, i) => i + 1))
      expect(loss.map(([, , value]) => value)).toEqual(steps.map((step) => Math.fround(step.loss)))
      const sampled = runs['evaluation']?.['oracle/sampled'] ?? []
      expect(sampled.map(([, round, value]) => [round, value])).toEqual(
        rounds.flatMap(({ round, evaluations }) =>
          evaluations.map((result) => [round, Math.fround(result.sampled?.mean ?? NaN)]),
        ),
      )
    },
    120_000,
  )
})
