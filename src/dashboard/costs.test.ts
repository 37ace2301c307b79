/** What a run has spent, from a real journal: every call counts, whoever made it and whatever became of it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configSchema } from '../records/index.ts'
import { RunFolder } from '../store/index.ts'
import { readCosts } from './costs.ts'
import { renderReport } from './report/render.ts'
import { sampleData } from './testing/sample-run.ts'
import { placeOf } from './views/calls.ts'

const server = (name: string, price?: object): object => ({
  backend: 'openai',
  baseUrl: 'http://127.0.0.1:9/v1',
  name,
  ...(price === undefined ? {} : { price }),
})

const config = configSchema.parse({
  corpus: { source: 'x' },
  model: { backend: 'embedded', path: 'weights' },
  roles: {
    rubric: server('teacher', { input: 2, output: 10 }),
    scorer: server('teacher', { input: 1, output: 1 }),
    proposer: server('unpriced'),
  },
  evaluation: {
    judge: server('judge', { input: 3, output: 5 }),
    secondJudge: server('second', { input: 7, output: 0 }),
  },
})

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pop-costs-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function folderWith(
  calls: readonly (readonly [key: string, model: string, prompt: number, completion: number])[],
): Promise<RunFolder> {
  const folder = await RunFolder.open(join(dir, 'run'), { create: true })
  for (const [i, [key, model, promptTokens, completionTokens]] of calls.entries()) {
    const generations = [
      { text: 'a', finishReason: 'stop' as const, usage: { promptTokens, completionTokens } },
      { text: 'b', finishReason: 'stop' as const, usage: { promptTokens: 0, completionTokens } },
    ]
    await folder.journal.append({ v: 1, kind: 'call', key, inputs: String(i), at: 0, ms: 0, model, generations })
  }
  return folder
}

describe('readCosts', () => {
  it('prices the judges of the evaluation', async () => {
    const folder = await folderWith([
      ['r0/heldout/d/score/0/rate/a0', 'judge', 1_000_000, 500_000],
      ['r0/heldout/d/score/0/second/rate/a0', 'second', 1_000_000, 500_000],
    ])
    const { lines, unpriced } = await readCosts(folder, config)
    await folder.close()
    expect(lines.map(({ stage, model, cost }) => [stage, model, cost])).toEqual([
      ['evaluate', 'judge', 3 + 5],
      ['evaluate', 'second', 7],
    ])
    expect(unpriced).toEqual([])
  })

  it('counts tokens by stage and model, prices what has a price, and keeps the rest apart', async () => {
    const folder = await folderWith([
      ['r1/d/q0/propose/a0', 'unpriced', 100, 10],
      ['r1/d/q0/solve/a0', 'weights@1', 100, 500],
      ['r1/d/q0/rubric/a0', 'teacher', 1000, 100],
      ['r1/d/q0/score/c0', 'teacher', 1000, 100],
      // The same call from other inputs: both were paid for.
      ['r1/d/q0/score/c0', 'teacher', 1000, 100],
      ['heldout/d/rubric', 'weights@1', 7, 1],
    ])
    const costs = await readCosts(folder, config)
    await folder.close()
    expect(
      costs.lines.map(({ stage, model, calls, promptTokens, completionTokens, cost }) => [
        stage,
        model,
        calls,
        promptTokens,
        completionTokens,
        cost,
      ]),
    ).toEqual([
      ['propose', 'unpriced', 1, 100, 20, null],
      ['solve', 'weights@1', 1, 100, 1000, null],
      ['rubric', 'teacher', 1, 1000, 200, (1000 * 2 + 200 * 10) / 1e6],
      ['score', 'teacher', 2, 2000, 400, 2400 / 1e6],
      ['evaluate', 'weights@1', 1, 7, 2, null],
    ])
    expect(costs.total).toBeCloseTo(0.004 + 0.0024, 12)
    expect(costs.unpriced).toEqual(['unpriced', 'weights@1'])
  })

  it('knows no cost, rather than none, where nothing has a price', async () => {
    const folder = await folderWith([['r1/d/q0/solve/a0', 'weights@1', 1, 1]])
    expect((await readCosts(folder, config)).total).toBeNull()
    expect((await readCosts(folder, null)).total).toBeNull()
    await folder.close()
  })

  it.each([
    ['r12/0af/q3/score/c1', 'score'],
    ['r1/heldout/0af/score/0', 'evaluate'],
    ['heldout/0af/propose/a0', 'evaluate'],
    ['r1/oracle/x/sampled', 'evaluate'],
    ['r1/heldout/d/score/0/rate/a0', 'evaluate'],
    ['r2/0af/q3/second/score/c1', 'score'],
  ])('takes %s for a call of the stage %s', (key, stage) => {
    expect(placeOf(key).stage).toBe(stage)
  })
})

it('the report shows them, and a hostile model name as text', () => {
  const line = { stage: 'score', model: '<b>judge</b>', calls: 1234, promptTokens: 5, completionTokens: 6, cost: 1.5 }
  const costs = { lines: [line], total: 1.5, unpriced: ['own'] }
  const page = renderReport({ ...sampleData(), costs })
  expect(page).toContain('Cost in all: <b>1.50</b>, without own')
  expect(page).toContain('&lt;b&gt;judge&lt;/b&gt;')
  expect(renderReport(sampleData())).not.toContain('Tokens and cost')
})
