/**
 * A training that keeps its state and a model folder after every step, as a program of its own, to be killed:
 * `node --import tsx train-and-save.ts DIR MODEL EPOCHS [lora]`. Says `saving N` before each save and `done` at its end.
 */
import { join } from 'node:path'
import { systemClock } from '../../core/clock.ts'
import { Engine } from '../../engine/index.ts'
import { trainingConfigSchema, type PreferencePair } from '../../records/index.ts'
import { EmbeddedTrainableModel, trainingEngineOptions } from '../backends/embedded.ts'
import { TrainingStateFile } from '../state-file.ts'
import { trainPreferences, type TrainingState } from '../train-preferences.ts'

const [dir = '', base = '', epochs = '1', lora = ''] = process.argv.slice(2)
const config = trainingConfigSchema.parse({
  batchSize: 2,
  epochs: Number(epochs),
  learningRate: 5e-3,
  objective: { type: 'dpo', beta: 0.1 },
  lora: lora === '' ? false : { rank: 4, alpha: 8 },
})

function pair(question: string, chosen: string, rejected: string): PreferencePair {
  const say = (content: string): PreferencePair['chosen'] => [
    { role: 'user', content: question },
    { role: 'assistant', content },
  ]
  const scores = { chosen_score: 1, rejected_score: 0 }
  return { role: 'solver', chosen: say(chosen), rejected: say(rejected), ...scores, ref_answer: '' }
}

const pairs = [
  pair('What melts?', 'Ice melts.', 'Iron.'),
  pair('Who keeps bees?', 'A beekeeper.', 'Nobody at all.'),
  pair('Two plus two?', 'Four.', 'Five, or so.'),
  pair('Is it late?', 'Not yet.', 'It is always late.'),
]

const engine = await Engine.open(base, { ...trainingEngineOptions(config, 7), threads: 1, inThread: true })
const model = new EmbeddedTrainableModel(engine, () => Promise.reject(new Error('not sampled from')))
const path = join(dir, 'training-state.safetensors')
const file = new TrainingStateFile({ engine, path, inputs: 'test', clock: systemClock, everySeconds: 0 })
const state: TrainingState = {
  load: () => file.load(),
  save: async (steps) => {
    process.stdout.write(`saving ${steps.length}\n`)
    await file.save(steps, true)
    await model.save(join(dir, 'model'))
  },
}
await trainPreferences({ model, tokenizer: engine.tokenizer, pairs, config, seed: 1, state })
await engine.close()
process.stdout.write('done\n')
