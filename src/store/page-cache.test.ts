import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { rng } from '../core/rng.ts'
import { PageCache } from './page-cache.ts'

it('gives what is in the file, across pages, for more pages than it keeps, and while the file grows', () => {
  const dir = mkdtempSync(join(tmpdir(), 'pop-pages-'))
  const fd = openSync(join(dir, 'file'), 'w+')
  try {
    const random = rng(1, 'pages')
    const whole = Buffer.from(Uint32Array.from({ length: 1_500_000 }, () => random.uint32()).buffer)
    const cache = new PageCache(fd)
    let written = 0
    for (let step = 0; step < 3000; step++) {
      if (step % 30 === 0) written += writeSync(fd, whole, written, Math.min(60_000, whole.length - written), written)
      const offset = random.below(written)
      const length = random.below(step % 7 === 0 ? 200_000 : 3000)
      const there = whole.subarray(offset, Math.min(offset + length, written))
      expect(cache.read(offset, length).equals(there)).toBe(true)
    }
    expect(cache.read(whole.length + 5, 10)).toHaveLength(0)
  } finally {
    closeSync(fd)
    rmSync(dir, { recursive: true })
  }
})
