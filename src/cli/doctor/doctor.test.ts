/** Real servers on this machine, and real tokenizer files: what is wrong with them is said, with the way out. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { configSchema } from '../../records/index.ts'
import { builtinTasks } from '../../roles/index.ts'
import { PUBLISHED } from '../../engine/testing/published-shapes.ts'
import { startHub } from '../../hub/testing/hub-server.ts'
import type { Check } from './check.ts'
import { checkModel } from './model-folder.ts'
import { runChecks } from './run-checks.ts'

const tinyModel = fileURLToPath(new URL('../../../test/goldens/tiny-models/qwen2', import.meta.url))

let dir = ''
let server: Server | undefined
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pop-doctor-'))
  const row = JSON.stringify({ text: 'some words about a town on a river '.repeat(10) })
  await writeFile(join(dir, 'rows.jsonl'), `${row}\n`.repeat(3))
})
afterEach(async () => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
  await rm(dir, { recursive: true, force: true })
})

interface Behaviour {
  readonly context?: number
  /** What a greedy answer is, and how it ends. */
  readonly answer?: readonly [text: string, finish: string]
  readonly keepsSchema?: boolean
  readonly choices?: number
}

/** Speaks as vLLM does, as far as a doctor listens. */
async function serve(behaviour: Behaviour): Promise<string> {
  const { context = 32768, answer = ['The sky is blue.', 'stop'], keepsSchema = true, choices } = behaviour
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      response.setHeader('content-type', 'application/json')
      if (request.url === '/v1/models') {
        response.end(JSON.stringify({ data: [{ id: 'tiny', max_model_len: context }] }))
        return
      }
      const body = JSON.parse(Buffer.concat(chunks).toString()) as {
        n?: number
        response_format?: object
        model: string
      }
      if (body.model !== 'tiny') {
        response.writeHead(404).end(JSON.stringify({ error: { message: 'no such model' } }))
        return
      }
      const schema = body.response_format !== undefined && keepsSchema
      const message = { role: 'assistant', content: schema ? '{"favourite_colour_code": 3}' : answer[0] }
      const given = Array.from({ length: choices ?? body.n ?? 1 }, (_, index) => ({
        index,
        finish_reason: answer[1],
        message,
      }))
      response.end(JSON.stringify({ choices: given, usage: { prompt_tokens: 9, completion_tokens: 5 } }))
    })
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
}

async function examine(baseUrl: string, more: object = {}, name = 'tiny'): Promise<Check[]> {
  const task = builtinTasks.get('general')
  if (task === undefined) throw new Error('the general task is missing')
  const model = { backend: 'openai', baseUrl, name }
  const config = configSchema.parse({ corpus: { source: join(dir, 'rows.jsonl') }, model, ...more })
  const about = { task, runDir: join(dir, 'runs', 'x') }
  return runChecks(config, about, { environment: {}, clock: systemClock }, () => undefined)
}

const of = (checks: readonly Check[], subject: string): string =>
  checks.flatMap((check) => (check.subject === subject ? [`${check.state}: ${check.message}`] : [])).join('\n')

describe('a configuration that can be run', () => {
  it('has no failure, each line says what was found', async () => {
    const checks = await examine(await serve({}), { training: { path: tinyModel } })
    expect(checks.filter(({ state }) => state === 'failure')).toEqual([])
    expect(of(checks, 'corpus')).toContain('ok: 1 file; 3 of the first 3 rows')
    expect(of(checks, 'model')).toMatch(
      /ok: the server is there.*\nok: context of 32768.*\nok: ends its turn.*\nok: takes several/,
    )
    expect(of(checks, 'model')).toContain('ok: keeps replies to a JSON schema')
    expect(of(checks, 'disk')).toMatch(/ok|warning/)
  })
})

describe('what is wrong is told', () => {
  it('of a trainer that is another program and not there', async () => {
    const training = { backend: 'trl', path: tinyModel, python: join(dir, 'no-python') }
    expect(of(await examine(await serve({}), { training }), 'training')).toContain('failure: training.backend: trl')
  })

  it('of the corpus: the field that is there', async () => {
    const checks = await examine(await serve({}), { corpus: { source: join(dir, 'rows.jsonl'), field: 'body' } })
    expect(of(checks, 'corpus')).toMatch(/failure: .*the fields are "text"/)
  })

  it('of a server: not there, no such model, too short a context', async () => {
    const baseUrl = await serve({ context: 4096 })
    expect(of(await examine(baseUrl), 'model')).toMatch(/failure: a context of 4096 tokens is too short/)
    expect(of(await examine(baseUrl, {}, 'large'), 'model')).toMatch(/failure: the server has no large; it offers tiny/)
    server?.closeAllConnections()
    await new Promise((resolve) => server?.close(resolve))
    expect(of(await examine(baseUrl), 'model')).toMatch(/failure: cannot be used: .*127\.0\.0\.1/)
  })

  it('of a model that does not end its turn', async () => {
    const leaking = await examine(await serve({ answer: ['Blue.<|im_end|>\n<|im_start|>user\nAnd', 'length'] }), {})
    expect(of(leaking, 'model')).toMatch(/failure: goes on after its turn.*eos_token_id in generation_config.json/)
    server?.close()
    const endless = await examine(await serve({ answer: ['Blue and blue and blue', 'length'] }))
    expect(of(endless, 'model')).toContain('warning: did not end a one-sentence answer')
  })

  it('of a server that gives one sample and keeps to no schema', async () => {
    const checks = await examine(await serve({ choices: 1, keepsSchema: false }))
    expect(of(checks, 'model')).toContain('warning: takes one sample per request')
    expect(of(checks, 'model')).toContain('warning: does not keep replies to a JSON schema')
    expect(checks.filter(({ state }) => state === 'failure')).toEqual([])
  })
})

describe('a model folder', () => {
  const memory = { answering: { slots: 64 } }
  const context = { environment: {}, clock: systemClock }

  it('that does not fit into memory is told with the numbers, before any weights are read', async () => {
    const shape = PUBLISHED['Qwen/Qwen2.5-7B-Instruct']?.config ?? {}
    const hub = await startHub({
      kind: 'model',
      files: { 'config.json': JSON.stringify({ ...shape, num_hidden_layers: 2800 }), 'model.safetensors': 'weights' },
    })
    const environment = { HF_ENDPOINT: hub.endpoint, POP_CACHE: dir }
    const checks = await checkModel('model', { source: 'hf://owner/name', memory }, { ...context, environment })
    await hub.close()
    expect(checks.map(({ state }) => state)).toEqual(['ok', 'failure', 'warning'])
    expect(checks[1]?.message).toMatch(/answering takes about 2\.4 TiB of memory \(weights \d+\.\d GiB, .*GiB are free/)
  })

  it('that can be trained only with less of it kept is told so, with what to set', async () => {
    const config = JSON.stringify(PUBLISHED['Qwen/Qwen2.5-0.5B-Instruct']?.config)
    const hub = await startHub({ kind: 'model', files: { 'config.json': config, 'model.safetensors': 'weights' } })
    const environment = { HF_ENDPOINT: hub.endpoint, POP_CACHE: dir }
    const use = { source: 'hf://owner/name', memory: { training: { training: { loraRank: 32, maxLength: 6144 } } } }
    vi.stubEnv('POP_MEMORY_GIB', '6')
    const checks = await checkModel('model', use, { ...context, environment })
    vi.unstubAllEnvs()
    await hub.close()
    expect(checks[1]?.state).toBe('warning')
    expect(checks[1]?.message).toMatch(
      /training takes about 12\.\d GiB of memory \(activations .* 6\.0 GiB are free: .*training\.lora.*training\.recompute.*training\.maxLength/,
    )
  })

  it('whose adapter is not there, or has another size than is to be trained, is refused', async () => {
    const baseUrl = await serve({})
    const look = async (adapter: string, more: object): Promise<string> => {
      const model = { backend: 'embedded', path: tinyModel, adapter }
      return (await examine(baseUrl, { model, ...more }))
        .flatMap(({ state, message }) => `${state}: ${message}`)
        .join('\n')
    }
    const peft = fileURLToPath(new URL('../../../test/goldens/tiny-models/peft', import.meta.url))
    const training = { lora: { rank: 4, alpha: 8 } }
    expect(await look(join(peft, 'qwen2-all'), { training })).toMatch(/ok: .*; the adapter .*qwen2-all fits/)
    expect(await look(join(peft, 'qwen2-all'), {})).toMatch(/failure: .*adapter has rank 4/)
    expect(await look(join(dir, 'nowhere'), { training })).toMatch(/failure: .*nowhere/)
    const solver = { backend: 'embedded', path: tinyModel, adapter: join(dir, 'nowhere') }
    const others = await examine(baseUrl, { roles: { solver }, evaluation: { judge: solver, secondJudge: solver } })
    for (const subject of ['role solver', 'judge', 'second judge']) {
      expect(of(others, subject)).toMatch(/failure: .*nowhere/)
    }
  })

  it('whose template ends a turn where the model does not stop is told, with the line to write', async () => {
    const look = (source: string): Promise<Check[]> => checkModel('model', { source, memory }, context)
    expect((await look(tinyModel)).map(({ state }) => state)).toEqual(['ok', 'ok', 'ok'])
    const trap = join(dir, 'trap')
    await cp(tinyModel, trap, { recursive: true })
    const edit = async (name: string, change: (text: string) => string): Promise<void> =>
      writeFile(join(trap, name), change(await readFile(join(trap, name), 'utf8')))
    await edit('generation_config.json', (text) => text.replace(/"eos_token_id": \d+/, '"eos_token_id": 0'))
    await edit('tokenizer_config.json', (text) => text.replace(/"eos_token": "[^"]*"/, '"eos_token": "<|endoftext|>"'))
    const [, end] = await look(trap)
    expect(end?.state).toBe('warning')
    expect(end?.message).toMatch(/ends a turn with .*"eos_token_id": \[2, 0\].*generation_config\.json/)
    await rm(join(trap, 'chat_template.jinja'))
    expect((await look(trap))[0]?.message).toContain('no chat template')
  })
})
