/**
 * Whether online self-play on the laboratory makes answers better, by the judgement of the program that knows the truth.
 *
 *     npx tsx bench/lab-online.ts [--objective rloo] [--documents 128] [--batch 8] [--rate 2e-4] [--rounds 1] [--seed 45]
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/core/clock.ts'
import { labConfig, labCorpus, labTask, oracleSuite } from '../src/lab/index.ts'
import { runPipeline } from '../src/pipeline/index.ts'
import { configSchema } from '../src/records/index.ts'

const { values } = parseArgs({
  options: {
    objective: { type: 'string', default: 'rloo' },
    documents: { type: 'string', default: '128' },
    batch: { type: 'string', default: '8' },
    rate: { type: 'string', default: '2e-4' },
    rounds: { type: 'string', default: '1' },
    seed: { type: 'string', default: '45' },
  },
})
const [documents, rounds, seed] = [Number(values.documents), Number(values.rounds), Number(values.seed)]
const lab = labConfig({ documents, rounds, seed })
const config = configSchema.parse({
  ...lab,
  training: {
    objective: { type: values.objective },
    learningRate: Number(values.rate),
    schedule: 'linear',
    batchSize: Number(values.batch),
    lora: false,
    maxLength: 1024,
  },
})
const started = systemClock.monotonic()
const summary = await runPipeline({
  config,
  runDir: join(mkdtempSync(join(tmpdir(), 'pop-lab-online-')), 'run'),
  task: labTask,
  documents: { heldOut: [], training: labCorpus({ seed, documents: documents * rounds }), facts: null },
  suites: [oracleSuite({ samples: config.evaluation.samples })],
  deps: { env: {}, clock: systemClock },
  onEvent: (event) => {
    if (event.type !== 'step') return
    const { step, reward = 0, kl = 0, entropy = 0, length = 0, dropped = 0, gradNorm } = event.step
    console.error(`${step}/${event.total}`, { reward, kl, entropy, length, dropped, gradNorm })
  },
})
for (const { round, results, pairs } of summary.rounds) {
  const [oracle] = results
  console.log(
    JSON.stringify({
      round,
      sampled: oracle?.sampled,
      greedy: oracle?.greedy?.mean,
      validity: oracle?.validity,
      words: oracle?.meanAnswerWords,
      groups: pairs,
    }),
  )
}
console.log(`${((systemClock.monotonic() - started) / 1000).toFixed(0)} s`)
