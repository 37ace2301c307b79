/**
 * How long `pop view` takes to open a large run, and to answer what a reader asks of it: 300,000 calls, 1 GB, unless told
 * otherwise. The viewer is a process of its own, started as a user starts it. CPU time stands beside wall time, which depends
 * on what else the machine does.
 * Run after a build: npx tsx bench/viewer.ts [calls] [folder to make or to use again]
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../src/core/clock.ts'
import { rng } from '../src/core/rng.ts'
import { writeBigRun } from './big-run.ts'

const calls = Number(process.argv[2] ?? 300_000)
const kept = process.argv[3]
const openLimitMs = 2000
const pageLimitMs = 100
const questions = 200

const dir = kept ?? (await mkdtemp(join(tmpdir(), 'pop-bench-view-')))
const run = join(dir, 'run')
try {
  if (!existsSync(run)) await writeBigRun(run, calls)
  await removeIndices(run)
  const size = await sizeOf(run)
  console.log(`${run}: ${(size / 1e9).toFixed(2)} GB, ${calls.toLocaleString('en')} calls\n`)
  await session('never opened before')
  await session('opened before', true)
} finally {
  if (kept === undefined) await rm(dir, { recursive: true, force: true })
}

/** Starts the viewer, waits for its first page and for the whole run, asks questions, and stops it. */
async function session(title: string, ask = false): Promise<void> {
  console.log(title)
  const start = systemClock.monotonic()
  const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
  const viewer = spawn(process.execPath, [main, 'view', run, '--no-open', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const url = await urlOf(viewer)
    const get = async (address: string): Promise<unknown> => (await fetch(`${url}api/${address}`)).json()
    await get('runs')
    await Promise.all([get('runs/0/overview'), get('runs/0/examples?limit=100')])
    report('first page, ms', systemClock.monotonic() - start, openLimitMs)
    for (;;) {
      const [card] = (await get('runs')) as { indexed: number }[]
      if (card?.indexed === 1) break
      await systemClock.sleep(200)
    }
    report('everything read, ms', systemClock.monotonic() - start)
    report('CPU so far, ms', cpuOf(viewer))
    if (!ask) return
    const page = (await get('runs/0/examples?limit=1')) as { all: number }
    await askAll('overview again', get, () => 'runs/0/overview')
    const random = rng(1, 'bench')
    const offset = (): number => random.below(page.all)
    await askAll('a page of 100', get, () => `runs/0/examples?limit=100&offset=${offset()}`)
    await askAll('a sorted page', get, () => `runs/0/examples?sort=margin&descending=true&limit=100&offset=${offset()}`)
    await askAll('a search', get, () => `runs/0/examples?text=question%20${offset()}&limit=100`)
    await askAll('a filtered page', get, () => {
      const from = random.uniform()
      return `runs/0/examples?mean=${from}..${from + 0.5}&sort=words&round=${1 + random.below(3)}&limit=100`
    })
    await askAll('a question', get, () => {
      return `runs/0/question?round=${1 + random.below(3)}&document=document-${random.below(Math.floor(page.all / 3))}&question=0`
    })
    report('memory, MiB', memoryOf(viewer))
  } finally {
    viewer.kill()
    console.log('')
  }
}

async function askAll(name: string, get: (address: string) => Promise<unknown>, address: () => string): Promise<void> {
  const taken: number[] = []
  for (let i = 0; i < questions; i++) {
    const start = systemClock.monotonic()
    await get(address())
    taken.push(systemClock.monotonic() - start)
  }
  taken.sort((a, b) => a - b)
  const at = (share: number): number => taken[Math.min(taken.length - 1, Math.floor(share * taken.length))] ?? NaN
  report(`${name}, ms: median`, at(0.5), pageLimitMs)
  report(`${name}, ms: 95 of 100`, at(0.95), pageLimitMs)
}

function report(name: string, value: number, limit?: number): void {
  const held = limit === undefined ? '' : `  asked: < ${limit}${value < limit ? '' : '  MISSED'}`
  console.log(`  ${name.padEnd(34)} ${value.toFixed(value < 100 ? 1 : 0).padStart(8)}${held}`)
}

function urlOf(viewer: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (viewer.stdout === null) throw new Error('the viewer has no output')
    createInterface({ input: viewer.stdout }).once('line', (line) => {
      resolve((JSON.parse(line) as { url: string }).url)
    })
    viewer.once('exit', (code) => reject(new Error(`the viewer ended with ${code}`)))
  })
}

/** Linux only; NaN elsewhere. */
function cpuOf({ pid }: ChildProcess): number {
  const fields = readProc(pid, 'stat')?.split(') ')[1]?.split(' ')
  // utime and stime, in hundredths of a second.
  return (Number(fields?.[11]) + Number(fields?.[12])) * 10
}

function memoryOf({ pid }: ChildProcess): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readProc(pid, 'status') ?? '')?.[1]) / 1024
}

function readProc(pid: number | undefined, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return null
  }
}

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

async function removeIndices(folder: string): Promise<void> {
  for (const path of await filesIn(folder)) if (path.endsWith('.index')) await rm(path)
}

async function sizeOf(folder: string): Promise<number> {
  const sizes = await Promise.all((await filesIn(folder)).map(async (path) => (await stat(path)).size))
  return sizes.reduce((sum, bytes) => sum + bytes, 0)
}
