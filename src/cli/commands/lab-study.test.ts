/** `pop lab study` on the checkpoint that comes with the package: one tiny run, and the same again from its file. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dispatch } from '../dispatch.ts'
import { fakeContext } from '../testing/fake-context.ts'
import { verbs } from '../verbs.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pop-study-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function study(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const context = fakeContext()
  return {
    code: await dispatch(['lab', 'study', '--out', folder, ...args], verbs, '0.0.0', context),
    ...context.output,
  }
}

describe('pop lab study', () => {
  it('plays a variant, writes its table, and does not play it again', async () => {
    const small = ['--variants', 'pointwise', '--seeds', '7', '--rounds', '1', '--documents', '6', '--candidates', '3']
    const played = await study(...small, '--json')
    expect(played.code, played.stderr).toBe(0)
    const { rows, runs } = JSON.parse(played.stdout) as { rows: object[]; runs: object[] }
    expect(rows).toMatchObject([{ variant: 'pointwise', seeds: [7], gain: { n: 1 } }])
    expect(runs).toMatchObject([{ before: expect.closeTo(0.3, 0), signal: { questions: expect.any(Number) } }])
    expect(readFileSync(join(folder, 'study.md'), 'utf8')).toContain('| `pointwise` | 7 |')
    const [run = ''] = readdirSync(folder).filter((name) => name.startsWith('pointwise-7-') && !name.endsWith('.json'))
    expect(existsSync(join(folder, run, 'round-1', 'examples.jsonl'))).toBe(true)
    expect(existsSync(join(folder, run, 'round-1', 'checkpoint'))).toBe(false)

    rmSync(join(folder, run), { recursive: true })
    const again = await study(...small, '--json')
    expect(again.stdout).toBe(played.stdout)
    expect(existsSync(join(folder, run))).toBe(false)
  }, 120_000)

  it('says what a variant or a seed must be', async () => {
    expect(await study('--variants', 'pointwize')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no "pointwize"; known: pointwise, pairwise'),
    })
    expect(await study('--seeds', '1,x')).toMatchObject({ code: 2, stderr: expect.stringContaining('whole numbers') })
  })
})
