/** Folders that appear whole or not at all. Knows nothing of models. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/**
 * Calls `fill` with a temporary folder beside `dir`, then puts it in the place of `dir`. When `fill` throws, `dir` is as
 * it was before. A crash between the two renames leaves the old folder as `.NAME.old`.
 */
export function writeFolderAtomically(dir: string, fill: (temporaryDir: string) => void): void {
  const target = resolve(dir)
  const parent = dirname(target)
  mkdirSync(parent, { recursive: true })
  const temporary = join(parent, `.${basename(target)}.tmp-${process.pid}`)
  const old = join(parent, `.${basename(target)}.old`)
  rmSync(temporary, { recursive: true, force: true })
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
