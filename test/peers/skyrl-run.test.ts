/**
 * Two rounds of `pop run` on a real SkyRL server, which is killed and started again while it trains the first. Its tiny model answers and is
 * trained; who asks and judges is scripted, as random weights write no questions. Left out where POP_SKYRL names no checkout:
 * `npm run test:interop`.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { preferencePairSchema, trainingStepSchema, type RunEvent, type TrainingStep } from '../../src/records/index.ts'
import type { RunSummary } from '../../src/pipeline/index.ts'
import { others, runTable } from '../../src/pipeline/testing/tinker-table.ts'
import { readRecipe } from '../read-recipe.ts'
import { checkout, modelDir, RANK, SkyrlServer } from './skyrl-server.ts'

describe.runIf(checkout !== undefined)('pop run over SkyRL', { timeout: 1_500_000 }, () => {
  let server: SkyrlServer
  beforeAll(async () => {
    server = await SkyrlServer.open()
  }, 600_000)
  afterAll(() => server.close())

  const asked = others()
  const runDir = (): string => join(server.scratch, 'run')
  function run(onEvent: (event: RunEvent) => void = () => undefined): Promise<RunSummary> {
    const { baseUrl } = server
    const { model, training, pairing, rounds } = readRecipe('cluster', {
      model: { baseUrl, name: modelDir, path: modelDir },
      training: { batchSize: 2, learningRate: 1e-3, lora: { rank: RANK } },
      rounds: 2,
    })
    const changes = { model, training, pairing, rounds, evaluation: { suites: [] } }
    return runTable({ baseUrl, runDir: runDir(), asked, onEvent, changes })
  }
  function lines(round: number, file: string): unknown[] {
    const text = readFileSync(join(runDir(), `round-${round}`, file), 'utf8')
    return text
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line))
  }
  const steps = (round: number): TrainingStep[] =>
    lines(round, 'metrics.jsonl').map((line) => trainingStepSchema.parse(line))

  it('goes on after the server was killed, and plays the second round with what the first one trained', async () => {
    let restarted: Promise<void> | undefined
    const cut = run((event) => {
      if (event.type === 'step') restarted ??= server.restart()
    })
    await expect(cut).rejects.toThrow('run the same command again')
    await restarted
    const before = asked.calls()
    expect(before).toBeGreaterThan(0)
    const { rounds } = await run()
    expect(rounds.map(({ checkpoint }) => checkpoint === null)).toEqual([true, false, false])
    for (const round of [1, 2]) {
      expect(steps(round).length).toBeGreaterThanOrEqual(2)
      expect(steps(round)[0]?.loss).toBeCloseTo(Math.LN2, 5)
      for (const line of lines(round, 'pairs.jsonl')) expect(preferencePairSchema.parse(line).tokens).toBeDefined()
    }
    // The second round took as many questions and judgements as the first, which was not played again.
    expect(asked.calls()).toBeLessThan(2.5 * before)
    const state = (round: number): string => {
      const text = readFileSync(join(runDir(), `round-${round}`, 'checkpoint', 'tinker.json'), 'utf8')
      return (JSON.parse(text) as { state: string }).state
    }
    expect(state(1)).not.toBe(state(2))
  })
})
