/**
 * A training on a real SkyRL server, of which either side is killed: ours, and the server's, which is started again while ours waits for it.
 * Left out where POP_SKYRL names no checkout: `npm run test:interop`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import type { TrainingStep } from '../../src/records/index.ts'
import { DPO, PAIRS_FILE, show } from './skyrl-parity.ts'
import { checkout, modelDir, SkyrlServer } from './skyrl-server.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

describe.runIf(checkout !== undefined)('pop train over SkyRL', { timeout: 1_500_000 }, () => {
  let server: SkyrlServer
  beforeAll(async () => {
    server = await SkyrlServer.open()
    const model = { backend: 'embedded', path: modelDir }
    const training = { ...DPO, backend: 'tinker', baseUrl: server.baseUrl, name: modelDir }
    writeFileSync(join(server.scratch, 'pop.yaml'), JSON.stringify({ model, training }))
  }, 600_000)
  afterAll(() => server.close())

  interface Ended {
    readonly code: number | null
    readonly steps: TrainingStep[]
    readonly stderr: string
  }

  /** One process; `afterStep` is called when the server has taken the first step of its training. */
  async function train(out: string, afterStep?: (kill: () => void) => Promise<void> | void): Promise<Ended> {
    const words = [
      'train',
      PAIRS_FILE,
      '--config',
      join(server.scratch, 'pop.yaml'),
      '--out',
      join(server.scratch, out),
    ]
    const child = spawn(process.execPath, ['--import', 'tsx', main, ...words, '--json'])
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (part: Buffer) => (stdout += part.toString()))
    child.stderr.on('data', (part: Buffer) => (stderr += part.toString()))
    const ended = once(child, 'exit') as Promise<[number | null]>
    if (afterStep !== undefined) {
      // Two of them find out how the server reduces.
      const wanted = server.served('optim_step') + 3
      while (child.exitCode === null && server.served('optim_step') < wanted) await systemClock.sleep(20)
      await afterStep(() => child.kill('SIGKILL'))
    }
    const [code] = await ended
    const { steps } = JSON.parse(stdout === '' ? '{ "steps": [] }' : stdout) as { steps: TrainingStep[] }
    return { code, steps, stderr }
  }

  it('comes to the same after each, whose leavings on server and disk harm nothing', async () => {
    const whole = await train('whole')
    expect([whole.code, whole.stderr]).toEqual([0, expect.any(String)])
    expect(whole.steps).toHaveLength(4)

    const ours = await train('killed', (kill) => kill())
    expect([ours.code, ours.steps]).toEqual([null, []])

    const theirs = await train('killed', () => server.restart())
    expect(theirs.stderr).toMatch(/^pop: .*run the same command again$/m)
    expect(theirs.code).toBe(1)
    expect(existsSync(join(server.scratch, 'killed'))).toBe(false)

    const last = await train('killed')
    expect([last.code, last.stderr]).toEqual([0, expect.any(String)])
    const gaps = last.steps.map(({ loss }, i) => Math.abs(loss - (whole.steps[i]?.loss ?? NaN)))
    show('losses after both were killed', gaps)
    expect(gaps).toHaveLength(4)
    for (const gap of gaps) expect(gap).toBeLessThan(1e-5)
    const [a, b] = ['whole', 'killed'].map((name) => readdirSync(join(server.scratch, name)).sort())
    expect(a).toEqual(b)
    expect(readFileSync(join(server.scratch, 'killed', 'tinker.json'), 'utf8')).toContain('/weights/')
  })
})
