/**
 * Weights that reach a server: vLLM cannot run here, so its two routes are spoken by a small server over the embedded engine, written from
 * their documentation.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { EndpointError } from '../core/errors.ts'
import { Engine } from '../engine/index.ts'
import { EmbeddedLanguageModel } from '../llm/index.ts'
import { configSchema, type ModelEndpoint } from '../records/index.ts'
import { ModelHouse } from './models.ts'
import { servedName, ServedPolicy } from './served-policy.ts'

type Served = Extract<ModelEndpoint, { backend: 'openai' }>

const BASE = fileURLToPath(new URL('../../test/goldens/tiny-models/llama', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'pop-served-'))
const checkpoint = join(folder, 'checkpoint')
const closing: (() => Promise<unknown>)[] = []
const request = {
  messages: [{ role: 'user' as const, content: 'Hi' }],
  n: 1,
  temperature: 0,
  topP: 1,
  maxTokens: 12,
  seed: 1,
}
const adam = { learningRate: 0.5, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 0 }

beforeAll(async () => {
  const engine = await Engine.open(BASE, { inThread: true, lora: { rank: 2, alpha: 4 }, seed: 1 })
  for (let step = 0; step < 3; step++) {
    await engine.accumulate([[1, 5, 9, 7, 3, 2]], [Float32Array.of(1, 1, 1, 1, 1)])
    await engine.step(adam)
  }
  await engine.save(checkpoint)
  await engine.close()
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** `/v1/load_lora_adapter` and `/v1/chat/completions`. */
async function startServer(): Promise<{ baseUrl: string; seen: string[] }> {
  const engines = new Map<string, Engine>()
  const seen: string[] = []
  const answer = async (route: string, body: Record<string, unknown>): Promise<[number, string]> => {
    if (route === '/v1/load_lora_adapter') {
      const [name, adapter] = [String(body['lora_name']), String(body['lora_path'])]
      seen.push(`load ${name}`)
      if (engines.has(name)) return [400, `The lora adapter '${name}' has already been loaded.`]
      const engine = await Engine.open(BASE, { inThread: true, adapter }).catch(() => undefined)
      if (engine === undefined) return [404, `No adapter found for ${adapter}`]
      engines.set(name, engine)
      return [200, `Success: LoRA adapter '${name}' added successfully.`]
    }
    const name = String(body['model'])
    seen.push(`chat ${name}`)
    const engine = engines.get(name)
    if (engine === undefined) return [404, JSON.stringify({ error: { message: `The model ${name} does not exist.` } })]
    const [reply] = await new EmbeddedLanguageModel(engine, name).generate(request)
    const choice = {
      index: 0,
      message: { role: 'assistant', content: reply?.text },
      finish_reason: reply?.finishReason,
    }
    return [200, JSON.stringify({ choices: [choice], usage: { prompt_tokens: 3, completion_tokens: 12 } })]
  }
  const http = createServer((incoming, response) => {
    let text = ''
    incoming.on('data', (part: Buffer) => (text += part.toString()))
    incoming.on('end', () => {
      void answer(incoming.url ?? '', JSON.parse(text || '{}') as Record<string, unknown>).then(([status, reply]) =>
        response.writeHead(status).end(reply),
      )
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  closing.push(() => new Promise((resolve) => http.close(resolve)))
  closing.push(() => Promise.all([...engines.values()].map((engine) => engine.close())))
  return { baseUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}/v1`, seen }
}

const behind = (served: Served): ServedPolicy =>
  new ServedPolicy({ served, dir: checkpoint, name: servedName(checkpoint, 'round-1'), deps: { env: {} }, slot: {} })

const endpoint = (baseUrl: string, update: Served['update']): Served => ({
  backend: 'openai',
  baseUrl,
  name: 'base',
  update,
})

it('plays with the adapter once the server has loaded it, under a name of its version', async () => {
  const { baseUrl, seen } = await startServer()
  const policy = behind(endpoint(baseUrl, { lora: true }))
  const trained = await Engine.open(checkpoint, { inThread: true })
  const base = await Engine.open(BASE, { inThread: true })
  closing.push(
    () => trained.close(),
    () => base.close(),
  )
  const [wanted] = await new EmbeddedLanguageModel(trained, 'trained').generate(request)
  const [before] = await new EmbeddedLanguageModel(base, 'base').generate(request)
  const replies = [await policy.generate(request), await policy.generate(request)]
  expect(replies.map(([reply]) => reply?.text)).toEqual([wanted?.text, wanted?.text])
  expect(wanted?.text).not.toBe(before?.text)
  expect(policy.name).toMatch(/^round-1@[0-9a-f]{8}$/)
  const served = policy.name.replace('@', '-')
  expect(seen).toEqual([`load ${served}`, `chat ${served}`, `chat ${served}`])
  // A run that goes on meets a server that has it already.
  const again = behind(endpoint(baseUrl, { lora: true }))
  expect((await again.generate(request))[0]?.text).toBe(wanted?.text)
})

it('says what the server needs when it does not take the adapter', async () => {
  const http = createServer((_request, response) => response.writeHead(404).end('{"detail":"Not Found"}'))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  closing.push(() => new Promise((resolve) => http.close(resolve)))
  const baseUrl = `http://127.0.0.1:${(http.address() as AddressInfo).port}/v1`
  const policy = behind(endpoint(baseUrl, { lora: true }))
  await expect(policy.generate(request)).rejects.toThrow(/did not take the adapter .* \(404\).*--enable-lora/)
})

it.skipIf(process.platform === 'win32')('runs the command with the folder, and reports one that fails', async () => {
  const { baseUrl } = await startServer()
  const script = join(folder, 'serve.sh')
  writeFileSync(script, `#!/bin/sh\necho "$POP_CHECKPOINT $POP_MODEL_NAME" > ${join(folder, 'told')}\nexit $1\n`)
  chmodSync(script, 0o755)
  const served = (code: string): ServedPolicy => behind(endpoint(baseUrl, { command: [script, code] }))
  // The command ended well and this server has no model of that name.
  await expect(served('0').generate(request)).rejects.toThrow(EndpointError)
  expect(readFileSync(join(folder, 'told'), 'utf8')).toBe(`${checkpoint} base\n`)
  await expect(served('3').generate(request)).rejects.toThrow('model.update.command')
})

/** A server whose one place is filled by the command: it answers with the folder it was last given. */
function oneServer(): { config: unknown; fetch: typeof fetch } {
  const state = join(folder, 'holds')
  writeFileSync(state, 'an earlier run')
  const script = join(folder, 'fill.sh')
  writeFileSync(script, `#!/bin/sh\nprintf %s "$POP_CHECKPOINT" > ${state}\n`)
  chmodSync(script, 0o755)
  const reply = (): unknown => ({
    choices: [
      { index: 0, message: { role: 'assistant', content: readFileSync(state, 'utf8') }, finish_reason: 'stop' },
    ],
    usage: { prompt_tokens: 1, completion_tokens: 1 },
  })
  return {
    config: {
      corpus: { source: 'none' },
      model: { backend: 'openai', baseUrl: 'http://127.0.0.1:9/v1', name: 'policy', update: { command: [script] } },
      training: { path: BASE },
    },
    fetch: () => Promise.resolve(Response.json(reply())),
  }
}

it.skipIf(process.platform === 'win32')(
  'answers for each weights with those alone, whoever was there before',
  async () => {
    const { config, fetch } = oneServer()
    const house = new ModelHouse(configSchema.parse({ ...(config as object), evaluation: { suites: [] } }), {
      env: {},
      fetch,
    })
    const round1 = house.checkpoint(checkpoint, 'round-1')
    const answers: (string | undefined)[] = []
    for (const player of [house.initialPolicy, round1, round1, house.initialPolicy]) {
      answers.push((await player.generate(request))[0]?.text)
    }
    expect(answers).toEqual([BASE, checkpoint, checkpoint, BASE])
    expect(house.initialPolicy.name).toBe('policy')
  },
)

it.each([
  ['evaluation.judge', {}],
  ['evaluation.judge', { evaluation: { suites: ['alpaca-eval'] } }],
  ['evaluation.secondJudge', { evaluation: { judge: 'elsewhere', secondJudge: 'same' } }],
  ['roles.scorer', { evaluation: { suites: [] }, roles: { scorer: 'same' } }],
])('refuses %s where the trained weights would answer in its place: %o', (key, changes) => {
  const { config } = oneServer()
  const same = { backend: 'openai', baseUrl: 'http://127.0.0.1:9/v1', name: 'policy' }
  const text = JSON.stringify(changes)
    .replaceAll('"same"', JSON.stringify(same))
    .replaceAll('"elsewhere"', JSON.stringify({ ...same, baseUrl: 'http://127.0.0.1:8/v1' }))
  const asked = configSchema.parse({ ...(config as object), ...(JSON.parse(text) as object) })
  expect(() => new ModelHouse(asked, { env: {} })).toThrow(`${key}: model.update.command puts the trained weights`)
})
