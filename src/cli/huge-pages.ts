/**
 * Memory in huge pages. Training and sampling walk through hundreds of megabytes, and with pages of 4 KiB the processor
 * spends much of that on looking up where they are. Linux gives pages of 2 MiB to who asks for them, and glibc's malloc
 * asks where a variable said so when the process began: so a verb that computes begins a second time, with it.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import type { VerbEntry } from './command.ts'

/**
 * Huge pages for all that malloc hands out. Its main arena takes 1 GiB of addresses at a time, and those of other threads
 * all that they can (no memory until it is used): only what is taken at the start of an arena of a thread is asked for in
 * huge pages, and the main one is then there before V8 places its code, which else stands in its way in every other
 * process and leaves it in pieces that give nothing back. Large blocks lie by themselves, so that what is freed leaves no
 * holes; what is free stays, as the next pass wants it again.
 */
const TUNABLES = [
  'glibc.malloc.hugetlb=1',
  'glibc.malloc.mmap_threshold=33554432',
  'glibc.malloc.top_pad=1073741824',
].join(':')
const VARIABLE = 'GLIBC_TUNABLES'
/** Says to the second process that it is that, and holds the variable as the user had it. */
const MARK = 'POP_STARTED_ANEW'

type Environment = Readonly<Record<string, string | undefined>>

export interface Surroundings {
  readonly platform: string
  readonly environment: Environment
  /** What the kernel says of huge pages: `always [madvise] never`. */
  readonly hugePages: string | undefined
  /** Whether it counts addresses that are taken as memory that is used (`vm.overcommit_memory=2`). */
  readonly countsAddresses: boolean
}

/**
 * The environment to start again with; undefined where that would change nothing: not Linux, a kernel that gives huge
 * pages to all or to none, or a user who has set up malloc already (`GLIBC_TUNABLES=glibc.malloc.hugetlb=0` for none).
 * Also where the addresses that the arenas take ahead would count as used.
 */
export function environmentForHugePages(surroundings: Surroundings): Environment | undefined {
  const { platform, environment, hugePages, countsAddresses } = surroundings
  const given = environment[VARIABLE] ?? ''
  if (platform !== 'linux' || hugePages?.includes('[madvise]') !== true || countsAddresses) return undefined
  if (isStartedAnew(environment) || given.includes('glibc.malloc.')) return undefined
  return { ...environment, [VARIABLE]: given === '' ? TUNABLES : `${given}:${TUNABLES}`, [MARK]: given }
}

/** Those of this process. */
export function surroundings(): Surroundings {
  const setting = (file: string): string | undefined => (existsSync(file) ? readFileSync(file, 'utf8') : undefined)
  return {
    platform: process.platform,
    environment: process.env,
    hugePages: setting('/sys/kernel/mm/transparent_hugepage/enabled'),
    countsAddresses: setting('/proc/sys/vm/overcommit_memory')?.trim() === '2',
  }
}

/** Whether a command line computes with the embedded engine. */
export function computes(args: readonly string[], verbs: readonly VerbEntry[]): boolean {
  if (args.includes('-h') || args.includes('--help')) return false
  const named = (count: number): VerbEntry | undefined =>
    verbs.find(({ name }) => name === args.slice(0, count).join(' '))
  return (named(2) ?? named(1))?.computes === true
}

export function isStartedAnew(environment: Environment): boolean {
  return environment[MARK] !== undefined
}

/**
 * Runs this command line as a process of its own, with this one's streams, and ends as it ends. A signal is passed on as a
 * message, once: a terminal sends Ctrl-C to both. Rejects when no process can be started.
 */
export async function startAnew(environment: Environment): Promise<void> {
  // Before there is a second process, so that no signal ends the first alone.
  const pass = (signal: NodeJS.Signals): void => {
    if (child.connected) child.send(signal)
  }
  process.on('SIGINT', pass)
  process.on('SIGTERM', pass)
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: environment,
  })
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (...end) => {
      resolve(end)
    })
  }).finally(() => process.off('SIGINT', pass).off('SIGTERM', pass))
  if (signal === null) process.exitCode = code ?? 1
  else process.kill(process.pid, signal)
}

/**
 * Makes the second process one with the first: signals come from there, and when that is gone this one ends as well. What it
 * starts itself finds the environment as the user left it.
 */
export function followFirst(environment: NodeJS.ProcessEnv, onSignal: () => void): void {
  const given = environment[MARK] ?? ''
  delete environment[MARK]
  delete environment[VARIABLE]
  if (given !== '') environment[VARIABLE] = given
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', onSignal)
  process.on('message', onSignal)
  process.on('disconnect', () => process.exit(1))
  process.channel?.unref()
}
