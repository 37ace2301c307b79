/** Configurations that are refused before anything is opened. */
import { expect, it } from 'vitest'
import { configSchema } from '../records/index.ts'
import { requirePlayable } from './playable.ts'

const embedded = { backend: 'embedded', path: './model' }
const server = { backend: 'openai', baseUrl: 'http://127.0.0.1:9/v1', name: 'teacher' }
const check = (changes: object): void =>
  requirePlayable(configSchema.parse({ corpus: { source: 'none' }, model: embedded, ...changes }))

it.each([
  [{ roles: { solver: server }, training: { objective: { type: 'grpo' } } }, 'roles.solver: grpo learns from'],
  [{ training: { backend: 'trl', objective: { type: 'simpo' } } }, 'no script for simpo'],
  [{ training: { backend: 'trl', objective: { type: 'grpo' } } }, 'trl trains on pairs here'],
  [{ training: { backend: 'trl', reference: 'initial' } }, 'leave out model.adapter and training.reference'],
  [{ model: { ...embedded, adapter: './a' }, training: { backend: 'trl' } }, 'leave out model.adapter'],
])('refuses %j', (changes, message) => {
  expect(() => check(changes)).toThrow(message)
})

it.each([
  [{ roles: { solver: server } }],
  [{ training: { backend: 'trl' } }],
  [{ model: { ...embedded, adapter: './a' }, training: { reference: 'initial' } }],
])('takes %j', (changes) => {
  expect(() => check(changes)).not.toThrow()
})
