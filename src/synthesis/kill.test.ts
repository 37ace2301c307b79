/**
 * Kill and resume, with a real process, a real server and SIGKILL. One to four seconds per kill, most of it start-up.
 * POP_SOAK_KILLS=200 POP_SOAK_SEED=7 npx vitest run src/synthesis/kill.test.ts   runs it for longer and from another seed.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseJson } from '../core/json.ts'
import { deriveSeed, rng, type Rng } from '../core/rng.ts'
import { journalEntrySchema } from '../records/index.ts'
import { startFaultyServer, type FaultyServer } from './testing/faulty-server.ts'

const kills = Number(process.env['POP_SOAK_KILLS'] ?? 10)
const seed = Number(process.env['POP_SOAK_SEED'] ?? 1)
/** Enough calls that the run is still going at the last kill: about seven calls per document, 13 per session. */
const documents = Math.ceil((kills * 13) / 6) + 4
/** POP_SOAK_PLAY: the same program, compiled, which starts in a fraction of the time. */
const program = process.env['POP_SOAK_PLAY'] ?? fileURLToPath(new URL('testing/play.ts', import.meta.url))

let dir = ''
let server: FaultyServer
const children = new Set<ChildProcess>()
const waiting: ChildProcess[] = []
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pop-kill-'))
  server = await startFaultyServer(seed)
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  server.close()
  await rm(dir, { recursive: true, force: true })
})

/** Programs need a second to load, so the next one is started while its predecessor works. */
function start(): ChildProcess {
  const loader = program.endsWith('.ts') ? ['--import', 'tsx'] : []
  const program_ = [...loader, program, server.baseUrl, String(documents)]
  const child = spawn(process.execPath, program_, { stdio: ['pipe', 'ignore', 'inherit'] })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

/** Runs a session to its end, or until `killAfter` requests have reached the server. */
async function session(run: string, killAfter = Infinity): Promise<{ code: number | null; killed: boolean }> {
  const child = waiting.shift() ?? start()
  waiting.push(start())
  const watch = server.onRequest
  let requests = 0
  server.onRequest = (requestSeed) => {
    watch(requestSeed)
    if (++requests === killAfter) setTimeout(() => child.kill('SIGKILL'), killAfter % 4)
  }
  child.stdin?.end(`${join(dir, run)}\n`)
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  server.onRequest = watch
  return { code, killed: signal === 'SIGKILL' }
}

/** Seeds of the calls that stand in the journal, read here line by line and not through the code under test. */
async function finishedSeeds(run: string): Promise<Set<number>> {
  const folder = join(dir, run, 'journal')
  const seeds = new Set<number>()
  for (const name of await readdir(folder).catch(() => [])) {
    for (const line of (await readFile(join(folder, name), 'utf8')).split('\n')) {
      const json = parseJson(line)
      const entry = journalEntrySchema.safeParse(json.ok ? json.value : null)
      if (entry.success) seeds.add(deriveSeed(45, entry.data.key))
    }
  }
  return seeds
}

/** Cuts the journal at a random byte: mostly near its end, as a machine that loses power may, now and then anywhere. */
async function tear(run: string, random: Rng): Promise<void> {
  const path = join(dir, run, 'journal', 'round-1.jsonl')
  const size = (await stat(path).catch(() => null))?.size ?? 0
  const cut = random.below(5) === 0 ? random.below(size + 1) : Math.max(0, size - random.below(2000))
  if (size > 0) await truncate(path, cut)
}

const examplesOf = (run: string): Promise<string> => readFile(join(dir, run, 'round-1', 'examples.jsonl'), 'utf8')

describe('a synthesis that is killed', () => {
  it(
    `ends, after ${kills} kills, torn journals and 30 % faults, with the bytes of an undisturbed run, no finished call repeated`,
    async () => {
      expect(await session('calm')).toEqual({ code: 0, killed: false })
      const random = rng(seed, 'kills')
      let finished = new Set<number>()
      const repeated: number[] = []
      server.faultRate = 0.3
      server.onRequest = (requestSeed) => {
        if (finished.has(requestSeed)) repeated.push(requestSeed)
      }
      let killed = 0
      for (; killed < kills; killed++) {
        expect(await session('killed', 1 + random.below(24))).toEqual({ code: null, killed: true })
        if (random.uniform() < 0.3) await tear('killed', random)
        finished = await finishedSeeds('killed')
      }
      expect(finished.size).toBeGreaterThan(0)
      let last = await session('killed')
      for (let more = 0; last.code === 7 && more < 20; more++) {
        finished = await finishedSeeds('killed')
        last = await session('killed')
      }
      expect(last).toEqual({ code: 0, killed: false })
      expect(repeated).toEqual([])
      expect(await examplesOf('killed')).toBe(await examplesOf('calm'))
      // Complete: a session more asks for nothing at all.
      let asked = 0
      server.onRequest = () => void asked++
      expect((await session('killed')).code).toBe(0)
      expect(asked).toBe(0)
      expect((await finishedSeeds('killed')).size).toBe((await finishedSeeds('calm')).size)
    },
    // A soak is watched by whoever started it; it must not end for a busy machine.
    60_000 + kills * (kills > 10 ? 60_000 : 5_000),
  )
})
