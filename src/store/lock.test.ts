import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../core/clock.ts'
import { RunFolderError } from '../core/errors.ts'
import { thisProcess } from './holder.ts'
import { acquireLock } from './lock.ts'

const program = fileURLToPath(new URL('testing/hold.ts', import.meta.url))
let dir = ''
let children: ChildProcess[] = []
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pop-lock-'))
  children = []
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rm(dir, { recursive: true, force: true })
})

async function start(): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, dir], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [data] = (await once(child.stdout ?? child, 'data')) as [Buffer]
  return { child, said: data.toString().trim() }
}

async function writeHolder(holder: object): Promise<string> {
  await mkdir(join(dir, '.lock'), { recursive: true })
  const path = join(dir, '.lock', '00000007')
  await writeFile(path, JSON.stringify({ ...thisProcess(systemClock), ...holder }))
  return path
}

describe('the lock of a run folder', () => {
  it('is held by a living process, and free the moment that process is killed', async () => {
    const first = await start()
    expect(first.said).toBe('held')
    await expect(acquireLock(dir, systemClock)).rejects.toThrow(
      new RegExp(`in use by process ${first.child.pid} on ${hostname()}.*--run DIR`),
    )
    const second = await start()
    expect(second.said).toContain(`refused: ${dir} is in use by process ${first.child.pid}`)
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')
    await (await acquireLock(dir, systemClock)).release()
  })

  it('is refused a second time within one process, and free again after release', async () => {
    const lock = await acquireLock(dir, systemClock)
    await expect(acquireLock(dir, systemClock)).rejects.toThrow(RunFolderError)
    await lock.release()
    await (await acquireLock(dir, systemClock)).release()
    expect(await readdir(join(dir, '.lock'))).toHaveLength(1)
  })

  it('lets exactly one of many contenders in', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => acquireLock(dir, systemClock)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(RunFolderError)
    }
  })

  it('lets exactly one of many contenders take over from a dead holder', async () => {
    await writeHolder({ pid: 2 ** 22 + 1 })
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => acquireLock(dir, systemClock)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('is not held by a later process that was given the same id', async () => {
    if (process.platform !== 'linux') return
    await writeHolder({ started: '1' })
    await (await acquireLock(dir, systemClock)).release()
  })

  it('is held by a process of another machine as long as its heartbeat moves, and no longer', async () => {
    const path = await writeHolder({ machine: 'elsewhere', host: 'elsewhere' })
    let seconds = 1
    const beat = setInterval(() => void utimes(path, seconds, seconds++), 20)
    await expect(acquireLock(dir, systemClock, 40)).rejects.toThrow(/on elsewhere/)
    clearInterval(beat)
    await (await acquireLock(dir, systemClock, 40)).release()
  })

  it('is taken over when its content was lost', async () => {
    await mkdir(join(dir, '.lock'))
    await writeFile(join(dir, '.lock', '00000003'), '')
    await (await acquireLock(dir, systemClock, 20)).release()
  })
})
