/** The same DPO run on a SkyRL server and on the embedded engine, from the adapter that the server began with. For tests. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { readModelFiles, Tokenizer } from '../../src/engine/index.ts'
import { readPreferencePairs } from '../../src/pairing/index.ts'
import { trainingConfigSchema, type TrainingStep } from '../../src/records/index.ts'
import { trainPreferences, type TrainableModel } from '../../src/training/index.ts'
import { modelDir, RANK, type SkyrlServer } from './skyrl-server.ts'
import { TrainerFromAdapter } from './trainer-from-adapter.ts'

export const PAIRS_FILE = fileURLToPath(new URL('../goldens/trl-dpo/pairs.jsonl', import.meta.url))
/** The server's alpha is 32, whatever the rank. */
export const DPO = {
  batchSize: 7,
  epochs: 2,
  learningRate: 1e-3,
  schedule: 'linear',
  maxGradNorm: 0,
  objective: { type: 'dpo', beta: 0.1 },
  lora: { rank: RANK, alpha: 32 },
}

/** Two epochs, four steps. Prints the largest gaps, which are the figures that the docs quote. */
export async function expectParity(server: SkyrlServer, name: string): Promise<void> {
  const { pairs } = readPreferencePairs(readFileSync(PAIRS_FILE, 'utf8').split('\n'))
  const tokenizer = new Tokenizer(readModelFiles(modelDir))
  const config = trainingConfigSchema.parse({ ...DPO, threads: 1 })
  const train = async (model: TrainableModel): Promise<TrainingStep[]> =>
    (await trainPreferences({ model, tokenizer, pairs, config, seed: 0 })).steps
  const model = await server.adapter()
  const adapter = join(server.scratch, 'start')
  await model.save(adapter)
  const theirs = await train(model)
  await model.close()
  const ours = await train(new TrainerFromAdapter(modelDir, adapter, { rank: RANK, alpha: 32, sharedA: true }))
  expect(theirs).toHaveLength(4)
  expect(ours[0]?.loss).toBeCloseTo(Math.LN2, 6)
  expect(ours.at(-1)?.loss).toBeLessThan(Math.LN2 - 0.005)
  const loss = theirs.map((step, i) => Math.abs(step.loss - (ours[i]?.loss ?? NaN)))
  const norm = theirs.map((step, i) => Math.abs(step.gradNorm / (ours[i]?.gradNorm ?? NaN) - 1))
  show(`${name}: loss`, loss)
  show(`${name}: gradient norm, relative`, norm)
  for (const gap of [...loss, ...norm]) expect(gap).toBeLessThan(1e-3)
}

/** One line of a test's output: the largest of some gaps. */
export function show(what: string, gaps: readonly number[]): void {
  process.stdout.write(`${what}: ${Math.max(...gaps).toExponential(1)} at most\n`)
}
