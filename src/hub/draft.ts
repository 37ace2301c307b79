/**
 * Files and folders in the making, each named after the process that makes it: `NAME.HOST-PID-N.part`. Nobody touches what a
 * living process makes; what a dead one left is taken over or cleared away. Knows names, not contents.
 */
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { processExists } from '../core/process-exists.ts'

/** Whether a process of another machine lives cannot be asked: what nobody touched for so long is abandoned. */
const abandonedAfterMs = 24 * 3_600_000
const host = hostname().replaceAll(/[^\w.]/g, '_')
const inWork = new Set<string>()
let made = 0

/** What is to become `DIR/NAME`. */
export interface Place {
  readonly dir: string
  readonly name: string
}

/** A path that nobody else works on, until `release`. */
export function draftOf({ dir, name }: Place): string {
  const draft = `${name}.${host}-${process.pid}-${made++}.part`
  inWork.add(draft)
  return join(dir, draft)
}

/** The draft is no longer worked on. What is left of it is there for whoever comes next, also from another machine. */
export async function release(draft: string, { dir, name }: Place): Promise<void> {
  await rename(draft, join(dir, `${name}.part`)).catch(() => undefined)
  inWork.delete(draft.slice(dir.length + 1))
}

/** Drafts that no living process works on, the largest first. @param now milliseconds since the epoch */
export async function abandonedDrafts(place: Place, now: number): Promise<{ path: string; size: number }[]> {
  const drafts = (await readdir(place.dir).catch(() => [])).filter((file) => file.startsWith(`${place.name}.`))
  const found = drafts.map(async (file) => {
    const path = join(place.dir, file)
    const about = await stat(path).catch(() => null)
    return about !== null && isAbandoned(file, place.name, now - about.mtimeMs) ? [{ path, size: about.size }] : []
  })
  return (await Promise.all(found)).flat().toSorted((a, b) => b.size - a.size)
}

/** Goes on with the largest abandoned draft, if there is one; the others go. */
export async function takeOver(draft: string, place: Place, now: number): Promise<void> {
  let taken = false
  for (const { path } of await abandonedDrafts(place, now)) {
    if (taken) await rm(path, { recursive: true, force: true })
    // It is there for one process only: for others the rename fails.
    else
      taken = await rename(path, draft).then(
        () => true,
        () => false,
      )
  }
}

function isAbandoned(file: string, name: string, ageMs: number): boolean {
  const owner = /^(?:([\w.]+)-(\d+)-\d+\.)?part$/.exec(file.slice(name.length + 1))
  if (owner === null) return false
  const [, machine, id] = owner
  if (id === undefined) return true
  if (machine !== host) return ageMs > abandonedAfterMs
  return Number(id) === process.pid ? !inWork.has(file) : !processExists(Number(id))
}
