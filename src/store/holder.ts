/** Who holds a lock, and whether that process still lives. Knows processes; nothing of runs. */
import { readFileSync, readlinkSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { z } from 'zod'
import type { Clock } from '../core/clock.ts'
import { processExists } from '../core/process-exists.ts'

export const holderSchema = z.strictObject({
  pid: z.int(),
  host: z.string(),
  /** Boot of the kernel and namespace of the process id: within one, ids can be compared. Null where unknown. */
  machine: z.string().nullable(),
  /** Start of the process in kernel ticks: tells a process from a later one with the same id. Null where unknown. */
  started: z.string().nullable(),
  /** Milliseconds since the epoch, for people. */
  since: z.number(),
  released: z.boolean(),
})
export type Holder = z.infer<typeof holderSchema>

export function thisProcess(clock: Clock): Holder {
  return {
    pid: process.pid,
    host: hostname(),
    machine: machineId(),
    started: processStart(process.pid),
    since: clock.now(),
    released: false,
  }
}

/**
 * Whether the holder lives. Where the kernel can say (same machine, same id namespace), it is asked. Elsewhere (another
 * host or container, or a system that does not tell when a process started) the lock file itself is watched: a living
 * holder touches it every `heartbeatMs`; one that leaves it alone five times over is dead. No clocks are compared.
 */
export async function isAlive(holder: Holder, lockPath: string, heartbeatMs: number, clock: Clock): Promise<boolean> {
  if (holder.released) return false
  const here = thisProcess(clock)
  const sameMachine = holder.machine === here.machine && (here.machine !== null || holder.host === here.host)
  if (sameMachine) {
    if (!processExists(holder.pid)) return false
    const started = processStart(holder.pid)
    if (here.started !== null && holder.started !== null) return started === holder.started
  }
  return hasHeartbeat(lockPath, heartbeatMs, clock)
}

async function hasHeartbeat(lockPath: string, heartbeatMs: number, clock: Clock): Promise<boolean> {
  const touched = async (): Promise<number | null> => (await stat(lockPath).catch(() => null))?.mtimeMs ?? null
  const first = await touched()
  for (let waited = 0; waited < 5 * heartbeatMs; waited += heartbeatMs / 2) {
    await clock.sleep(heartbeatMs / 2)
    if ((await touched()) !== first) return true
  }
  return false
}

/** Linux: field 22 of /proc/PID/stat; `dead` for a killed process that its parent has not collected yet. */
function processStart(pid: number): string | null {
  const line = readText(`/proc/${pid}/stat`)
  if (line === null) return null
  // The second field is the command in brackets and may hold anything; what follows the last bracket is plain.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  const [state, start] = [fields[0], fields[19]]
  return state === 'Z' || state === 'X' ? 'dead' : (start ?? null)
}

function machineId(): string | null {
  const boot = readText('/proc/sys/kernel/random/boot_id')
  if (boot === null) return null
  try {
    return `${boot.trim()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return null
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
