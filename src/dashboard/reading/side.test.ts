import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { suiteResultSchema, type SuiteAnswer } from '../../records/index.ts'
import { RunFolder, RunReader } from '../../store/index.ts'
import { writeSampleRun } from '../testing/sample-folder.ts'
import type { HeldOutAnswer } from '../views/wire.ts'
import { RunView } from './run-view.ts'
import { roundSide } from './side.ts'

let dir = ''
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'pop-side-')), 'run')
  await writeSampleRun(dir, { rounds: 1 })
})
afterEach(() => rm(join(dir, '..'), { recursive: true, force: true }))

const answer = (response: string, sample: number, greedy?: true): SuiteAnswer => ({
  id: 'question-0',
  sample,
  response,
  finishReason: 'stop',
  score: 0.2,
  ...(greedy === undefined ? {} : { greedy }),
  verdicts: [],
})

/** Gives round 1's only result these answers. */
async function keepAnswers(answers: readonly SuiteAnswer[]): Promise<void> {
  const folder = await RunFolder.open(dir)
  const path = folder.round(1).evaluation
  const results = z.array(suiteResultSchema).parse(JSON.parse(await readFile(path, 'utf8')))
  await folder.writeJson(
    path,
    results.map((result) => ({ ...result, answers })),
  )
  await folder.close()
}

async function firstQuestion(): Promise<HeldOutAnswer | undefined> {
  const view = new RunView('0', await RunReader.open(dir))
  await view.refresh()
  return (await roundSide(view, 1)).heldOut.find(({ id }) => id === 'question-0')
}

it('shows the answers that were scored, not those of the last call, and the greedy one apart', async () => {
  await keepAnswers([answer('first', 0), answer('second', 1), answer('greedy', 0, true)])
  expect(await firstQuestion()).toMatchObject({ sampled: ['first', 'second'], greedy: 'greedy' })
})

it('shows no answer where a result keeps none of the question', async () => {
  await keepAnswers([])
  expect(await firstQuestion()).toMatchObject({ sampled: [], greedy: null })
})

it('shows the answers of the last call where a result keeps no answers at all', async () => {
  const found = await firstQuestion()
  expect([found?.sampled[0], found?.sampled.length, found?.greedy]).toEqual(['answer 1', 2, null])
})
