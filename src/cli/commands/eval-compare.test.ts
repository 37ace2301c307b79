/** `pop eval compare` as a gate: what it prints, and with which code it ends. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { SuiteResult } from '../../records/index.ts'
import { dispatch } from '../dispatch.ts'
import { fakeContext } from '../testing/fake-context.ts'
import { verbs } from '../verbs.ts'

const dir = mkdtempSync(join(tmpdir(), 'pop-eval-compare-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** The file of a result in which all of 20 questions have one score. */
function file(name: string, score: number, problem: string): string {
  const ids = Array.from({ length: 20 }, (_, i) => `d${i}`)
  const result: SuiteResult = {
    suite: 'heldout',
    round: 0,
    policy: name,
    judge: 'j',
    sampled: null,
    greedy: null,
    validity: 1,
    meanAnswerWords: 1,
    unscored: 0,
    perQuestion: ids.map((id) => ({ id, score })),
    questions: ids.map((id) => ({ id, problem, rubric: [{ name: 'c', gold: 'g', description: 'd', weight: 1 }] })),
  }
  const path = join(dir, `${name}.json`)
  writeFileSync(path, JSON.stringify([result]))
  return path
}

async function compare(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const context = fakeContext()
  const code = await dispatch(['eval', 'compare', ...args], verbs, '0.0.0', context)
  return { code, ...context.output }
}

describe('pop eval compare', () => {
  const before = file('before', 0.9, 'How many?')
  const worse = file('worse', 0.1, 'How many?')
  const other = file('other', 0.1, 'How old?')

  it('ends with 3 where more was lost than --max-regression, and with 0 without that limit', async () => {
    const { code, stderr } = await compare(before, worse, '--max-regression', '0.02')
    expect([code, stderr]).toEqual([
      3,
      expect.stringContaining('more was lost than --max-regression (0.02) allows: heldout −0.800'),
    ])
    expect(await compare(before, worse, '--max-regression', '0.9')).toMatchObject({ code: 0, stderr: '' })
    expect(await compare(before, worse)).toMatchObject({ code: 0, stderr: '' })
  })

  it('does not pass a limit on questions that are not the same, and prints no number of them', async () => {
    const { code, stdout, stderr } = await compare(before, other, '--max-regression', '0.02')
    expect([code, stderr]).toEqual([3, expect.stringContaining('heldout cannot be compared')])
    expect(stdout).toMatch(/heldout +– +– +– +– +– +– +0\n/)
    expect(stdout).toMatch(/caution: questions not compared.*: 20/)
    expect(stdout).not.toContain('left out, because')
  })
})
