/** `pop eval RUN` where each round's weights are put behind the address of a judge. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { configSchema } from '../records/index.ts'
import { dispatch } from './dispatch.ts'
import { fakeContext } from './testing/fake-context.ts'
import { verbs } from './verbs.ts'

const folder = mkdtempSync(join(tmpdir(), 'pop-run-judges-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const server = { backend: 'openai', name: 'policy' }
const same = { ...server, baseUrl: 'http://127.0.0.1:9/v1' }
const elsewhere = { ...server, baseUrl: 'http://127.0.0.1:8/v1' }

let runs = 0
/** A run folder whose own suites need no judge. */
function runOf(evaluation: object): string {
  const dir = join(folder, `run-${runs++}`)
  mkdirSync(join(dir, 'journal'), { recursive: true })
  const model = { ...same, update: { command: ['./update'] } }
  const config = configSchema.parse({
    corpus: { source: 'none' },
    model,
    training: { path: './model' },
    evaluation: { suites: [], ...evaluation },
  })
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config))
  return dir
}

async function evaluate(evaluation: object, words: readonly string[]): Promise<{ code: number; stderr: string }> {
  const context = fakeContext()
  const code = await dispatch(['eval', runOf(evaluation), ...words, '--out', join(folder, 'out')], verbs, '0', context)
  return { code, stderr: context.output.stderr }
}

const JUDGE_HERE = ['--judge', `${same.baseUrl}#policy`]
const JUDGE_ELSEWHERE = ['--judge', `${elsewhere.baseUrl}#policy`]

test.each([
  ['--judge', {}, ['--suite', 'arena-hard', ...JUDGE_HERE]],
  ['--judge', { judge: elsewhere }, ['--suite', 'gsm8k,heldout', ...JUDGE_HERE]],
  ['evaluation.judge', { judge: same }, ['--suite', 'arena-hard']],
  // Without one, the run's model judges what was held out.
  ['evaluation.judge', {}, ['--suite', 'heldout']],
  [
    '--second-judge',
    { judge: elsewhere, secondJudge: elsewhere },
    ['--suite', 'heldout', '--second-judge', `${same.baseUrl}/#policy`],
  ],
  ['evaluation.secondJudge', { secondJudge: same }, ['--suite', 'heldout', ...JUDGE_ELSEWHERE]],
])('%s is refused where the trained weights would answer in its place: %j %j', async (key, evaluation, words) => {
  const { code, stderr } = await evaluate(evaluation, words)
  expect([code, stderr]).toEqual([2, expect.stringContaining(`${key}: model.update.command puts the trained weights`)])
})

test.each([
  ['elsewhere', { judge: same }, ['--suite', 'arena-hard', ...JUDGE_ELSEWHERE]],
  ['whom no suite asks', { judge: same, secondJudge: same }, ['--suite', 'gsm8k']],
  ['who is second to nobody', { secondJudge: same }, ['--suite', 'arena-hard', ...JUDGE_ELSEWHERE]],
])('a judge %s is none of its business', async (_who, evaluation, words) => {
  const { code, stderr } = await evaluate(evaluation, words)
  expect([code, stderr]).toEqual([2, expect.stringContaining('needs its data')])
})
