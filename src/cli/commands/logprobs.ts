/** `pop logprobs`: how likely given tokens are under a model. */
import { z } from 'zod'
import { Engine } from '../../engine/index.ts'
import { readJsonl } from '../../store/index.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { localModel } from '../model-source.ts'

/** Sequences handed to the engine at once: enough for its batches, and few enough to stream. */
const CHUNK = 64

const lineSchema = z.object({ tokens: z.array(z.int().min(0)).min(1) })

export const logprobs: Command = {
  name: 'logprobs',
  summary: 'log-probabilities of given tokens under a model folder',
  usage: 'MODEL_DIR TOKENS.jsonl',
  examples: [
    ['pop logprobs ./model tokens.jsonl > logprobs.jsonl', 'lines {"tokens": […]} become lines {"logprobs": […]}'],
    ['pop logprobs ./model tokens.jsonl --json', 'one document { "sequences": [{ "logprobs": […] }] }'],
  ],
  options: {
    threads: { value: 'N', help: 'of the engine (default: one per core)' },
    json: jsonOption,
  },
  positionals: { min: 2, max: 2 },
  run: runLogprobs,
}

/** Each line has the natural logarithms of the probabilities of tokens 2 … n, given those before them. */
async function runLogprobs(invocation: Invocation, context: Context): Promise<void> {
  const { terminal, signal } = context
  const [model = '', file = ''] = invocation.positionals
  const threads = invocation.number('threads', { integer: true, min: 1 })
  const sequences: { logprobs: number[] }[] = []
  let engine: Engine | undefined
  try {
    for await (const chunk of chunks(readJsonl(file, lineSchema), CHUNK)) {
      signal.throwIfAborted()
      // Opened after the first lines were read: a wrong file is told before a large model is loaded.
      engine ??= await Engine.open(await localModel(model, context), threads === undefined ? {} : { threads })
      const results = await engine.logprobs(chunk.map(({ tokens }) => tokens))
      const lines = results.map((values) => ({ logprobs: Array.from(values) }))
      if (invocation.has('json')) sequences.push(...lines)
      else await terminal.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    }
    if (invocation.has('json')) await terminal.write(`${JSON.stringify({ sequences })}\n`)
  } finally {
    await engine?.close()
  }
}

async function* chunks<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let held: T[] = []
  for await (const item of items) {
    held.push(item)
    if (held.length < size) continue
    yield held
    held = []
  }
  if (held.length > 0) yield held
}
