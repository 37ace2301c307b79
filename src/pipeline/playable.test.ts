/** Configurations that are refused before anything is opened. */
import { expect, it } from 'vitest'
import { configSchema } from '../records/index.ts'
import { requirePlayable } from './playable.ts'

const embedded = { backend: 'embedded', path: './model' }
const server = { backend: 'openai', baseUrl: 'http://127.0.0.1:9/v1', name: 'teacher' }
const tinker = {
  model: { backend: 'tinker', baseUrl: 'http://127.0.0.1:9', name: 'base', path: './model' },
  training: { backend: 'tinker' },
}
const check = (changes: object): void =>
  requirePlayable(configSchema.parse({ corpus: { source: 'none' }, model: embedded, ...changes }))

it.each([
  [{ roles: { solver: server }, training: { objective: { type: 'grpo' } } }, 'roles.solver: grpo learns from'],
  [
    { reuse: { from: './a', stages: ['propose', 'solve'] }, training: { objective: { type: 'grpo' } } },
    'reuse.stages: grpo learns from',
  ],
  [{ training: { backend: 'trl', objective: { type: 'simpo' } } }, 'no script for simpo'],
  [{ training: { backend: 'trl', objective: { type: 'grpo' } } }, 'trl trains on pairs here'],
  [{ training: { backend: 'trl', reference: 'initial' } }, 'leave out model.adapter and training.reference'],
  [{ model: { ...embedded, adapter: './a' }, training: { backend: 'trl' } }, 'leave out model.adapter'],
  [{ training: { backend: 'trl', device: 'webgpu' } }, 'training.device: trl trains on what it finds'],
  [{ training: { backend: 'trl', sharePrompts: true } }, 'training.sharePrompts: trl computes every answer with'],
  [{ training: { backend: 'trl', recompute: false } }, 'training.recompute: trl decides by itself'],
  [
    { ...tinker, training: { ...tinker.training, device: 'webgpu' } },
    'training.device: tinker trains on what it finds',
  ],
  [{ ...tinker, training: { ...tinker.training, sharePrompts: true } }, 'training.sharePrompts: tinker computes'],
  [{ ...tinker, training: { ...tinker.training, recompute: true } }, 'training.recompute: tinker decides by itself'],
])('refuses %j', (changes, message) => {
  expect(() => check(changes)).toThrow(message)
})

it.each([
  [{ roles: { solver: server } }],
  [{ reuse: { from: './a', stages: ['solve'] } }],
  [{ reuse: { from: './a', stages: ['propose', 'rubric'] }, training: { objective: { type: 'grpo' } } }],
  [{ training: { backend: 'trl', device: 'cpu', sharePrompts: false, recompute: 'auto' } }],
  [{ training: { sharePrompts: true, recompute: true } }],
  [tinker],
  [{ training: { device: 'webgpu' } }],
  [{ model: { ...embedded, adapter: './a' }, training: { reference: 'initial' } }],
])('takes %j', (changes) => {
  expect(() => check(changes)).not.toThrow()
})

const updated = { ...server, baseUrl: 'http://teacher:8000/v1', update: { command: ['./update'] } }
const judged = (baseUrl: string): void =>
  check({ model: updated, training: { path: './model' }, evaluation: { judge: { ...server, baseUrl } } })

it.each(['http://teacher:8000/v1', 'http://teacher:8000/v1/', 'http://TEACHER:8000/v1', 'HTTP://teacher:8000/./v1//'])(
  'sees that a judge at %s is the model that is trained',
  (baseUrl) => {
    expect(() => judged(baseUrl)).toThrow('evaluation.judge: model.update.command puts the trained weights')
  },
)

it.each(['http://teacher:8001/v1', 'https://teacher:8000/v1', 'http://teacher:8000/V1'])(
  'takes a judge of that name at %s',
  (baseUrl) => {
    expect(() => judged(baseUrl)).not.toThrow()
  },
)
