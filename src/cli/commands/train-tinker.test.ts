/** `pop train PAIRS.jsonl` with `training.backend: tinker`, against a server written from the protocol's description. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { TinkerServer } from '../../training/testing/tinker-server.ts'
import { dispatch } from '../dispatch.ts'
import { fakeContext } from '../testing/fake-context.ts'
import { verbs } from '../verbs.ts'

const golden = (name: string): string =>
  fileURLToPath(new URL(`../../../test/goldens/trl-dpo/${name}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'pop-train-tinker-'))
const target = join(folder, 'adapter')
const pairsFile = join(folder, 'pairs.jsonl')
writeFileSync(pairsFile, readFileSync(golden('pairs.jsonl'), 'utf8').split('\n').slice(0, 4).join('\n'))
let server: TinkerServer
let baseUrl: string

beforeEach(async () => {
  server = new TinkerServer('sequenceMean', 300)
  baseUrl = await server.start()
})
afterEach(async () => {
  await server.stop()
  rmSync(target, { recursive: true, force: true })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function train(
  changes: object = {},
  environment: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const training = {
    backend: 'tinker',
    baseUrl,
    name: 'bigram',
    lora: { rank: 8, alpha: 32 },
    learningRate: 0.05,
    schedule: 'constant',
    batchSize: 4,
    epochs: 2,
    objective: { type: 'dpo', beta: 0.1 },
    ...changes,
  }
  const config = join(folder, 'pop.yaml')
  writeFileSync(config, JSON.stringify({ model: { backend: 'embedded', path: golden('qwen3') }, training }))
  const context = { ...fakeContext(), clock: systemClock, environment }
  const words = ['train', pairsFile, '--config', config, '--out', target, '--json']
  const code = await dispatch(words, verbs, '0.0.0', context)
  return { code, ...context.output }
}

describe('pop train over a Tinker server', () => {
  it('trains on the server, brings the adapter home and gives the model’s place back', async () => {
    const { code, stdout, stderr } = await train()
    expect([code, stderr]).toEqual([0, expect.any(String)])
    const { steps, pairs } = JSON.parse(stdout) as { steps: { loss: number }[]; pairs: number }
    expect(pairs).toBe(4)
    expect(steps).toHaveLength(2)
    expect(steps[0]?.loss).toBeCloseTo(Math.LN2, 5)
    expect(steps.at(-1)?.loss).toBeLessThan(Math.LN2 - 0.001)
    expect(readFileSync(join(target, 'adapter_config.json'), 'utf8')).toBe('{"r":8}')
    expect(server.openModels).toBe(0)
  })

  it.each([
    ['no address', { baseUrl: undefined }, 'training.baseUrl is missing'],
    ['an address with a password', { baseUrl: 'http://me:secret@localhost:1' }, 'holds a user name or password'],
    ['no name', { name: undefined }, 'training.name is missing'],
    ['full fine-tuning', { lora: false }, 'a Tinker server trains adapters'],
    ['another alpha', { lora: { rank: 8, alpha: 16 } }, 'training.lora.alpha: it is 32'],
    ['a key that is not set', { apiKeyEnv: 'NO_SUCH_KEY' }, 'NO_SUCH_KEY, named by apiKeyEnv, is not set'],
    ['a model that the server does not have', { name: 'llama' }, 'does not have llama; it has: bigram'],
    ['nobody listening', { baseUrl: 'http://127.0.0.1:9' }, 'cannot be reached'],
  ])('says what is wrong with %s, and writes nothing', async (_what, changes, message) => {
    const { code, stderr } = await train(changes)
    expect(code).not.toBe(0)
    expect(stderr).toContain(message)
    expect(stderr).not.toContain('secret')
    expect(existsSync(target)).toBe(false)
  })

  it('fetches what is complete on the server, where it did not come home, and trains nothing again', async () => {
    const whole = await train({})
    const weights = (): Buffer => readFileSync(join(target, 'adapter_model.safetensors'))
    const before = weights()
    rmSync(target, { recursive: true })
    server.faults.set('archive', [{ status: 404, body: { detail: 'checkpoint not found' } }])
    const { code, stderr } = await train({})
    expect([code > 0, existsSync(target), server.openModels]).toEqual([true, false, 0])
    expect(stderr).toContain('the training is complete on the server: run the same command again')
    server.forget()
    const mark = server.requests.length
    const again = await train({})
    const withoutTimes = (text: string): unknown =>
      JSON.parse(text, (key, value: unknown) => (key === 'seconds' || key === 'tokensPerSecond' ? 0 : value))
    expect(withoutTimes(again.stdout)).toEqual(withoutTimes(whole.stdout))
    expect(weights().equals(before)).toBe(true)
    expect(server.requests.slice(mark).map(({ route }) => route)).toEqual([
      expect.stringMatching(/^training_runs.*archive$/),
    ])
    expect(existsSync(`${target}.trained-on-server.json`)).toBe(false)
  })

  it.each([
    ['optim_step', 'refused optim_step (400)'],
    ['forward', 'refused forward (400)'],
    ['save_weights_for_sampler', 'refused save_weights_for_sampler (400)'],
  ])('reports a refused %s in one message, writes nothing and leaves no model behind', async (route, message) => {
    server.faults.set(route, [{ status: 400, body: { detail: 'out of memory' } }])
    const { code, stderr } = await train()
    expect(code).not.toBe(0)
    expect(stderr).toContain(`${message}: "out of memory"`)
    expect(existsSync(target)).toBe(false)
    expect(server.openModels).toBe(0)
  })
})
