/** A round of a run folder as the page gets it: its held-out answers name the question that they are to. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { suiteResultSchema } from '../../records/index.ts'
import { RunReader } from '../../store/index.ts'
import { writeSampleRun } from '../testing/sample-folder.ts'
import { pairQuestions } from '../views/compare.ts'
import { RunView } from './run-view.ts'
import { roundSide } from './side.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pop-asked-'))
  await writeSampleRun(dir, { rounds: 1 })
})
afterEach(() => rm(dir, { recursive: true, force: true }))

async function ask(round: number, problems: Readonly<Record<string, string>>): Promise<void> {
  const path = new RunReader(dir).round(round).evaluation
  const results = z.array(suiteResultSchema).parse(JSON.parse(await readFile(path, 'utf8')))
  const rubric = [{ name: 'c', gold: 'g', description: 'd', weight: 1 }]
  const questions = Object.entries(problems).map(([id, problem]) => ({ id, problem, rubric }))
  await writeFile(path, JSON.stringify(results.map((result) => ({ ...result, questions }))))
}

it('holds no answers to other questions against each other, also where the ids are the same', async () => {
  await ask(0, { 'question-0': 'How old?', 'question-1': 'How many?' })
  await ask(1, { 'question-0': 'How old?', 'question-1': 'How tall?' })
  const view = new RunView('0', await RunReader.open(dir))
  await view.refresh()
  const { questions, different } = pairQuestions(await roundSide(view, 0), await roundSide(view, 1), 'oracle')
  expect([questions.map(({ id }) => id).sort(), different]).toEqual([['question-0', 'question-2'], 1])
})
