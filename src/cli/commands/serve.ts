/** `pop serve`: an OpenAI-compatible server over a model folder. */
import { basename, resolve } from 'node:path'
import { UsageError, errorMessage } from '../../core/errors.ts'
import { Engine, type EngineOptions } from '../../engine/index.ts'
import { isHubAddress } from '../../hub/index.ts'
import { ModelServer } from '../../serve/index.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { localModel } from '../model-source.ts'

const defaultPort = 8000
const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

export const serve: Command = {
  name: 'serve',
  summary: 'serve a model folder to OpenAI-compatible clients',
  usage: 'MODEL_DIR',
  examples: [
    [
      'pop serve ./model',
      `http://127.0.0.1:${defaultPort}/v1 with chat/completions, completions, models; /health, /metrics`,
    ],
    ['pop serve ./model --port 0 --name my-model', 'on a free port, which is printed, under another name'],
    ['POP_KEY=… pop serve ./model --host 0.0.0.0 --api-key-env POP_KEY', 'to other machines, for clients with the key'],
  ],
  options: {
    host: { value: 'HOST', help: 'address to listen on (default 127.0.0.1: this machine alone)' },
    port: { value: 'N', help: `port to listen on, 0 for a free one (default ${defaultPort})` },
    name: { value: 'NAME', help: "what clients call the model (default: the folder's name)" },
    'api-key-env': { value: 'VAR', help: 'environment variable that holds the key clients must send' },
    threads: { value: 'N', help: 'of the engine (default: one per core)' },
    int8: {
      help: 'sample from weights rounded to eight bits, whose log-probabilities it gives; without --batch-invariant an answer depends on what else is served',
    },
    'batch-invariant': { help: 'answers do not depend on what else is served, not even in their last bits; slower' },
    'max-slots': { value: 'N', help: 'most answers sampled at a time (default 64)' },
    seed: { value: 'N', help: 'of requests that bring none (default 0)' },
    json: { ...jsonOption, help: 'print { name, url } on stdout when the server listens' },
  },
  positionals: { min: 1, max: 1 },
  run: runServe,
}

async function runServe(invocation: Invocation, context: Context): Promise<void> {
  const { terminal, clock, signal } = context
  const source = invocation.positionals[0] ?? ''
  const host = invocation.text('host') ?? '127.0.0.1'
  const apiKey = readKey(invocation, context)
  if (apiKey === undefined && !loopback.has(host)) {
    terminal.say(`anybody who reaches ${host} can use the model: set --api-key-env to ask for a key`)
  }
  const engine = await Engine.open(await localModel(source, context), engineOptions(invocation))
  try {
    const name = invocation.text('name') ?? nameOf(source)
    const seed = invocation.number('seed', { integer: true, min: 0 }) ?? 0
    const server = new ModelServer({ engine, name, clock, seed, ...(apiKey === undefined ? {} : { apiKey }) })
    const port = await listen(server, host, invocation.number('port', { integer: true, min: 0 }) ?? defaultPort)
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/v1`
    await terminal.write(invocation.has('json') ? `${JSON.stringify({ name, url })}\n` : `${name} at ${url}\n`)
    await aborted(signal)
    if (server.load > 0) terminal.say(`finishing ${server.load} requests`)
    await server.close()
  } finally {
    await engine.close()
  }
}

/** The folder's name, or the hub's. */
function nameOf(source: string): string {
  return isHubAddress(source) ? source.slice('hf://'.length) : basename(resolve(source))
}

function readKey(invocation: Invocation, { environment }: Context): string | undefined {
  const variable = invocation.text('api-key-env')
  if (variable === undefined) return undefined
  const key = environment[variable]
  if (key === undefined || key === '') throw new UsageError(`--api-key-env: the environment has no ${variable}`)
  return key
}

function engineOptions(invocation: Invocation): EngineOptions {
  const threads = invocation.number('threads', { integer: true, min: 1 })
  const maxSlots = invocation.number('max-slots', { integer: true, min: 1 })
  return {
    sampling: invocation.has('int8') ? 'int8' : 'float32',
    batchInvariant: invocation.has('batch-invariant'),
    ...(threads === undefined ? {} : { threads }),
    ...(maxSlots === undefined ? {} : { maxSlots }),
  }
}

async function listen(server: ModelServer, host: string, port: number): Promise<number> {
  try {
    return await server.listen(host, port)
  } catch (error) {
    throw new UsageError(
      `cannot listen on ${host}:${port}: ${errorMessage(error)}; choose another with --port, 0 for any`,
    )
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })
}
