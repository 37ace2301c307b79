/** The laboratory as a newcomer meets it: the checkpoint that comes with the package, one small round, the whole chain. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../src/core/clock.ts'
import { Engine, modelFingerprint } from '../src/engine/index.ts'
import { checkSkills } from '../src/lab/gates.ts'
import { LAB_MODEL_DIR, labConfig, labCorpus, labTask, oracleSuite } from '../src/lab/index.ts'
import { EmbeddedLanguageModel } from '../src/llm/index.ts'
import { runPipeline, type RunSummary } from '../src/pipeline/index.ts'
import { writeReport } from '../src/cli/write-report.ts'

let dir = ''
let summary: RunSummary
let report = ''

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'pop-lab-'))
  const demo = labConfig({ rounds: 1, documents: 32 })
  // A quarter of the demo's documents: more passes in smaller batches make up for it.
  const config = { ...demo, training: { ...demo.training, epochs: 4, batchSize: 8 } }
  summary = await runPipeline({
    config,
    runDir: join(dir, 'run'),
    task: labTask,
    documents: { heldOut: [], training: labCorpus({ seed: config.seed, documents: 32 }), facts: null },
    suites: [oracleSuite({ samples: 4 })],
    deps: { env: {}, clock: systemClock },
  })
  report = await writeReport(summary.runDir)
}, 300_000)
afterAll(() => rmSync(dir, { recursive: true, force: true }))

test('the checkpoint fits its limit', () => {
  expect(statSync(join(LAB_MODEL_DIR, 'model.safetensors')).size).toBeLessThan(16 * 2 ** 20)
})

test('the checkpoint has the skills that its pretraining is gated on', async () => {
  const engine = await Engine.open(LAB_MODEL_DIR)
  try {
    const report = await checkSkills(engine, new EmbeddedLanguageModel(engine, 'lab'), {
      seed: 'test',
      cases: 40,
      candidates: 4,
    })
    expect(report.failed).toEqual([])
  } finally {
    await engine.close()
  }
}, 300_000)

test('one small round makes sampled answers better, by the judgement of a program, and keeps them valid', () => {
  const [before, after] = summary.rounds.map(({ results }) => results[0])
  const gain = (after?.sampled?.mean ?? 0) - (before?.sampled?.mean ?? 1)
  expect(summary.rounds[1]?.pairs).toBeGreaterThan(16)
  expect(gain).toBeGreaterThan(0.08)
  expect(after?.validity).toBeGreaterThan(0.95)
})

test('the trained weights are a model folder of their own', () => {
  expect(modelFingerprint(summary.checkpoint ?? '')).not.toBe(modelFingerprint(LAB_MODEL_DIR))
  for (const file of ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']) {
    expect(existsSync(join(summary.checkpoint ?? '', file)), file).toBe(true)
  }
})

test('the report holds both scores and examples to read', () => {
  const html = readFileSync(report, 'utf8')
  const [before, after] = summary.rounds.map(({ results }) => results[0]?.sampled?.mean.toFixed(3) ?? 'none')
  expect(html).toContain(before)
  expect(html).toContain(after)
  expect(html).not.toMatch(/<script|https?:\/\/(?!arxiv)/)
})
