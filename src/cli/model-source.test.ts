/** Models of a configuration that lie on the hub, from a server on this machine. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../core/clock.ts'
import { startHub } from '../hub/testing/hub-server.ts'
import { configSchema } from '../records/index.ts'
import { localModel, withLocalModels } from './model-source.ts'
import { fakeContext } from './testing/fake-context.ts'

test('what is asked for after Ctrl-C is not fetched', async () => {
  const files = { 'config.json': '{}', 'model.safetensors': Buffer.alloc(200) }
  const hub = await startHub({ files, kind: 'model' })
  const cache = mkdtempSync(join(tmpdir(), 'pop-model-source-'))
  try {
    const environment = { HF_ENDPOINT: hub.endpoint, POP_CACHE: cache }
    const signal = AbortSignal.abort(new Error('interrupted'))
    const asked = localModel('hf://owner/name', { ...fakeContext(), clock: systemClock, environment, signal })
    await expect(asked).rejects.toThrow('interrupted')
    expect(hub.storeRequests).toEqual([])
  } finally {
    await hub.close()
    rmSync(cache, { recursive: true, force: true })
  }
})

test('every model of a configuration becomes a folder, both judges included', async () => {
  const files = { 'config.json': '{}', 'tokenizer.json': '{}', 'model.safetensors': Buffer.alloc(8) }
  const hub = await startHub({ files, kind: 'model' })
  const cache = mkdtempSync(join(tmpdir(), 'pop-model-source-'))
  try {
    const model = { backend: 'embedded', path: 'hf://owner/name' }
    const config = configSchema.parse({
      corpus: { source: '-' },
      model,
      roles: { scorer: model },
      evaluation: { judge: model, secondJudge: model },
    })
    const environment = { HF_ENDPOINT: hub.endpoint, POP_CACHE: cache }
    const local = await withLocalModels(config, { ...fakeContext(), clock: systemClock, environment })
    const { judge, secondJudge } = local.evaluation
    for (const endpoint of [local.model, local.roles.scorer, judge, secondJudge]) {
      expect(endpoint).toMatchObject({ path: expect.stringContaining(join(cache, 'models', 'owner--name')) })
    }
  } finally {
    await hub.close()
    rmSync(cache, { recursive: true, force: true })
  }
})
