/** The viewer's rules over the doers': what a question's page says of its pairs is what pairing makes of it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { questionPage } from '../dashboard/reading/question.ts'
import { RunView } from '../dashboard/reading/run-view.ts'
import { writeSampleRun } from '../dashboard/testing/sample-folder.ts'
import { sampleExamples } from '../dashboard/testing/sample-run.ts'
import { sideOf } from '../dashboard/views/answers.ts'
import { buildPairs, pairingSeed } from '../pairing/index.ts'
import { configSchema } from '../records/index.ts'
import { RunFolder, RunReader } from '../store/index.ts'
import { viewRules } from './view-rules.ts'

let dir = ''
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'pop-view-rules-')), 'run')
})
afterEach(() => rm(join(dir, '..'), { recursive: true, force: true }))

it.each([1, 3])('every pair of a question is told, with at most %i of each', async (pairsPerQuestion) => {
  await writeSampleRun(dir, { rounds: 1 })
  const folder = await RunFolder.open(dir)
  const stored = await folder.readConfig()
  const config = configSchema.parse({ ...stored, pairing: { ...stored?.pairing, pairsPerQuestion } })
  await folder.writeConfig(config)
  await folder.close()
  const examples = sampleExamples(1)
  const { decisions } = buildPairs(examples, config.pairing, pairingSeed(config.seed, 1))
  const view = new RunView('0', await RunReader.open(dir), { rules: viewRules })
  await view.refresh()
  let most = 0
  for (const { outcome, ...key } of decisions) {
    const page = await questionPage(view, key, [])
    const {
      status: _status,
      others = [],
      ...first
    } = outcome.status === 'paired' ? outcome : { status: '', others: [] }
    const wanted = outcome.status === 'paired' ? [first, ...others] : []
    expect(page?.pairs).toEqual(wanted)
    most = Math.max(most, wanted.length)
  }
  expect(most > 1).toBe(pairsPerQuestion > 1)
})

it('an answer is on the side that its pair gives it', () => {
  const pairs = [
    { chosen: 4, rejected: 1 },
    { chosen: 3, rejected: 0 },
  ]
  expect([0, 1, 2, 3, 4].map((index) => sideOf(index, pairs))).toEqual([
    'rejected',
    'rejected',
    undefined,
    'chosen',
    'chosen',
  ])
})
