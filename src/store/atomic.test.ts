/** Folders put into the place of others, on real disks. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { RunFolderError } from '../core/errors.ts'
import { moveFolder } from './atomic.ts'

const folder = mkdtempSync(join(tmpdir(), 'pop-move-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function holding(name: string, text: string): string {
  const path = join(folder, name)
  mkdirSync(path)
  writeFileSync(join(path, 'file'), text)
  return path
}

describe('a folder that is moved', () => {
  it('replaces the one in its place and leaves nothing behind', async () => {
    const [from, to] = [holding('new', 'new'), holding('place', 'old')]
    await moveFolder(from, to)
    expect(readFileSync(join(to, 'file'), 'utf8')).toBe('new')
    expect(existsSync(from)).toBe(false)
    expect(existsSync(join(folder, '.place.old'))).toBe(false)
  })
  it('goes where nothing was, and makes the folders above', async () => {
    const to = join(folder, 'deep', 'down')
    await moveFolder(holding('another', 'x'), to)
    expect(readFileSync(join(to, 'file'), 'utf8')).toBe('x')
  })
  it('takes up what killed processes left: the old one alone, or both', async () => {
    const to = join(folder, 'killed')
    holding('.killed.old', 'old')
    await expect(moveFolder(join(folder, 'missing'), to)).rejects.toThrow(RunFolderError)
    expect(readFileSync(join(to, 'file'), 'utf8')).toBe('old')
    holding('.killed.old', 'older')
    await moveFolder(holding('newest', 'new'), to)
    expect(readFileSync(join(to, 'file'), 'utf8')).toBe('new')
    expect(existsSync(join(folder, '.killed.old'))).toBe(false)
  })
  it('leaves the old one in its place when it cannot be moved', async () => {
    const to = holding('kept', 'old')
    await expect(moveFolder(join(folder, 'missing'), to)).rejects.toThrow(RunFolderError)
    expect(readFileSync(join(to, 'file'), 'utf8')).toBe('old')
  })
})
