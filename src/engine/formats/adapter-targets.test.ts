/** Adapters of other engines: what PEFT does with an open `target_modules` was seen with SkyRL's (`test/peers/skyrl.test.ts`). */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { withAdapterTargets } from './adapter-targets.ts'
import { writeSafetensors } from './safetensors-writer.ts'

const folder = mkdtempSync(join(tmpdir(), 'pop-targets-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function files(config: object): Map<string, Uint8Array> {
  const path = join(folder, 'weights')
  const names = ['layers.0.mlp.up_proj', 'layers.1.mlp.up_proj', 'layers.0.self_attn.q_proj']
  const tensors = names.flatMap((name) =>
    ['A', 'B'].map((part) => ({
      name: `base_model.model.model.${name}.lora_${part}.weight`,
      shape: [1, 2],
      data: new Float32Array(2),
    })),
  )
  writeSafetensors(path, tensors, 'F32')
  return new Map([
    ['adapter_config.json', Buffer.from(JSON.stringify(config))],
    ['adapter_model.safetensors', readFileSync(path)],
  ])
}

const configOf = (adapter: ReadonlyMap<string, Uint8Array>): unknown =>
  JSON.parse(Buffer.from(adapter.get('adapter_config.json') ?? []).toString('utf8'))

it.each([{ r: 8 }, { r: 8, target_modules: null }])('names the modules that the weights of %j sit on', (config) => {
  expect(configOf(withAdapterTargets(files(config)))).toEqual({ r: 8, target_modules: ['q_proj', 'up_proj'] })
})

it('leaves modules that are named, and folders of another kind, as they are', () => {
  const named = files({ r: 8, target_modules: ['q_proj'] })
  expect(withAdapterTargets(named)).toEqual(named)
  const model = new Map([['config.json', Buffer.from('{}')]])
  expect(withAdapterTargets(model)).toEqual(model)
})

it('refuses weights that are cut off', () => {
  for (const length of [4, 100, -1]) {
    const cut = files({ r: 8 })
    cut.set('adapter_model.safetensors', (cut.get('adapter_model.safetensors') ?? new Uint8Array()).subarray(0, length))
    expect(() => withAdapterTargets(cut)).toThrow(/adapter_model.safetensors/)
  }
})
