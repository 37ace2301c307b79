/** Folders that appear whole or not at all. Knows nothing of models. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/**
 * Calls `fill` with a temporary folder beside `dir`, then puts it in the place of `dir`. When `fill` throws, `dir` is as
 * it was before. A crash between the two renames leaves the old folder as `.NAME.old`, which `recoverFolder` puts back.
 * What killed processes left unfinished goes away.
 */
export function writeFolderAtomically(dir: string, fill: (temporaryDir: string) => void): void {
  const target = resolve(dir)
  const parent = dirname(target)
  mkdirSync(parent, { recursive: true })
  const temporary = join(parent, `.${basename(target)}.tmp-${process.pid}`)
  const old = join(parent, `.${basename(target)}.old`)
  const draft = `.${basename(target)}.tmp-`
  for (const name of readdirSync(parent)) {
    if (name.startsWith(draft)) rmSync(join(parent, name), { recursive: true, force: true })
  }
  recoverFolder(dir)
  mkdirSync(temporary)
  try {
    fill(temporary)
    rmSync(old, { recursive: true, force: true })
    if (existsSync(target)) renameSync(target, old)
    renameSync(temporary, target)
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true })
    if (!existsSync(target) && existsSync(old)) renameSync(old, target)
    throw error
  }
  rmSync(old, { recursive: true, force: true })
}

/** Puts the old folder back when a process was killed after it had moved that away and before the new one was in place. */
export function recoverFolder(dir: string): void {
  const target = resolve(dir)
  const old = join(dirname(target), `.${basename(target)}.old`)
  if (!existsSync(target) && existsSync(old)) renameSync(old, target)
}
