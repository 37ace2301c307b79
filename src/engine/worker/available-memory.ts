/** How much memory this process may still take. Knows no model. */
import { readFileSync } from 'node:fs'
import { freemem, totalmem } from 'node:os'
import { ModelError } from '../../core/errors.ts'

/** Says it in GiB, where the system does not know. */
const VARIABLE = 'POP_MEMORY_GIB'

/** What the system says, in bytes. */
export interface SystemMemory {
  readonly platform: string
  readonly total: number
  /** Of the whole machine, with what it would give back at once where the system counts that. */
  readonly free: number
  /** Limit of the group of processes that this one belongs to; 0, or more than there is, where there is none. */
  readonly limit: number
  /** Of that limit, or of the machine. */
  readonly available: number
  /** The text of a file; null where there is none. */
  readonly read: (path: string) => string | null
}

/**
 * Bytes that may still be taken: `POP_MEMORY_GIB` if it is set. On macOS all memory there is, since what it calls free leaves
 * out what it would give back at once; under a limit of Linux control groups also what the group's file cache takes.
 * @throws {ModelError} when `POP_MEMORY_GIB` is no number
 */
export function availableMemory(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  system: SystemMemory = thisSystem(),
): number {
  const given = environment[VARIABLE]
  if (given !== undefined && given !== '') return bytesOf(given)
  const { platform, total, free, limit, available } = system
  if (platform === 'darwin') return total
  const limited = limit > 0 && limit < total
  return limited ? Math.min(free, available + groupFileCache(system.read)) : available
}

function bytesOf(gibibytes: string): number {
  const value = Number(gibibytes)
  if (Number.isFinite(value) && value > 0) return value * 2 ** 30
  throw new ModelError(`${VARIABLE} must be a number of GiB, not ${JSON.stringify(gibibytes)}`)
}

function thisSystem(): SystemMemory {
  return {
    platform: process.platform,
    total: totalmem(),
    free: freemem(),
    limit: process.constrainedMemory(),
    available: process.availableMemory(),
    read: (path) => {
      try {
        return readFileSync(path, 'utf8')
      } catch {
        return null
      }
    },
  }
}

/**
 * Bytes of files that the kernel drops when the group needs the memory, from `memory.stat` (version 2: `file`; version 1:
 * `total_cache`); of those, memory shared by processes is not dropped. 0 where it cannot be read.
 */
function groupFileCache(read: SystemMemory['read']): number {
  const own = read('/proc/self/cgroup') ?? ''
  const second = /^0::(.*)$/m.exec(own)?.[1] ?? ''
  const first = /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(.*)$/m.exec(own)?.[1] ?? ''
  const root = '/sys/fs/cgroup'
  // Inside a container its own group is mounted at the root.
  const places = [`${root}${second}`, root, `${root}/memory${first}`, `${root}/memory`]
  for (const place of places) {
    const text = read(`${place}/memory.stat`)
    if (text !== null) return Math.max(0, field(text, 'file', 'total_cache') - field(text, 'shmem', 'total_shmem'))
  }
  return 0
}

function field(text: string, ...names: string[]): number {
  return Number(new RegExp(`^(?:${names.join('|')}) (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
}
