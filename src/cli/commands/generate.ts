/** `pop generate`: a model folder answers a chat. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { InputError, UsageError, errorMessage } from '../../core/errors.ts'
import { parseJson } from '../../core/json.ts'
import { Engine, type Generation } from '../../engine/index.ts'
import { chatMessageSchema, type ChatMessage } from '../../records/index.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { duration } from '../format.ts'
import { localModel } from '../model-source.ts'

const defaultMaxTokens = 512

export const generate: Command = {
  name: 'generate',
  summary: 'let a model folder answer a chat',
  usage: 'MODEL_DIR [--prompt TEXT | --messages FILE.json]',
  examples: [
    ['pop generate ./model --prompt "What is a rubric?"', 'one question, one sampled answer'],
    [
      'pop generate ./model --messages chat.json --greedy --json',
      'a whole conversation, the most likely answer, with token ids',
    ],
    ['echo "Hello" | pop generate ./model', 'the question, or a JSON list of messages, from stdin'],
  ],
  options: {
    prompt: { value: 'TEXT', short: 'p', help: 'the user message' },
    messages: { value: 'FILE.json', help: 'a JSON list of {"role", "content"}' },
    greedy: { help: 'always the most likely token, the same as --temperature 0' },
    'max-tokens': { value: 'N', help: `most tokens to sample (default ${defaultMaxTokens})` },
    temperature: { value: 'T', help: 'of sampling (default 1)' },
    'top-p': { value: 'P', help: 'sample from the smallest set of tokens with this probability (default 1: all)' },
    seed: { value: 'N', help: 'of sampling (default 0)' },
    adapter: { value: 'DIR', help: 'a LoRA adapter in PEFT layout, on top of the model' },
    threads: { value: 'N', help: 'of the engine (default: one per core)' },
    json: { ...jsonOption, help: 'print { promptTokens, tokens, text, finishReason }; the tokens are ids' },
  },
  positionals: { min: 1, max: 1 },
  run: runGenerate,
}

async function runGenerate(invocation: Invocation, context: Context): Promise<void> {
  const { terminal, clock, signal } = context
  const sampling = readSampling(invocation)
  const messages = await readMessages(invocation, context)
  const threads = invocation.number('threads', { integer: true, min: 1 })
  const adapter = invocation.text('adapter')
  const engine = await Engine.open(await localModel(invocation.positionals[0] ?? '', context), {
    ...(threads === undefined ? {} : { threads }),
    ...(adapter === undefined ? {} : { adapter }),
  })
  try {
    const promptTokens = engine.tokenizer.encodeChat(messages, { addGenerationPrompt: true })
    const { stopTokenIds } = engine.tokenizer
    const started = clock.monotonic()
    const answers = await engine.generate(
      [{ ...sampling, promptTokens, samples: 1, stopTokenIds, logprobs: false }],
      signal,
    )
    const answer = answers[0]?.[0]
    if (answer === undefined) throw new Error('the engine gave no answer')
    await terminal.write(invocation.has('json') ? asJson(promptTokens, answer) : `${answer.text}\n`)
    if (!terminal.live) return
    const seconds = (clock.monotonic() - started) / 1000
    terminal.say(
      terminal.style('dim', `${promptTokens.length} + ${answer.tokens.length} tokens in ${duration(seconds)}`),
    )
  } finally {
    await engine.close()
  }
}

function readSampling(invocation: Invocation): {
  temperature: number
  topP: number
  topK: number
  maxTokens: number
  seed: number
} {
  const temperature = invocation.number('temperature', { min: 0 })
  if (invocation.has('greedy') && temperature !== undefined && temperature !== 0) {
    throw new UsageError('--greedy and --temperature say different things; give one')
  }
  return {
    temperature: invocation.has('greedy') ? 0 : (temperature ?? 1),
    topP: invocation.number('top-p', { min: 0 }) ?? 1,
    topK: 0,
    maxTokens: invocation.number('max-tokens', { integer: true, min: 1 }) ?? defaultMaxTokens,
    seed: invocation.number('seed', { integer: true, min: 0 }) ?? 0,
  }
}

async function readMessages(invocation: Invocation, { terminal }: Context): Promise<ChatMessage[]> {
  const prompt = invocation.text('prompt')
  const file = invocation.text('messages')
  if (prompt !== undefined && file !== undefined) throw new UsageError('give --prompt or --messages, not both')
  if (prompt !== undefined) return [{ role: 'user', content: prompt }]
  if (file !== undefined && file !== '-') return parseMessages(await readText(file), file)
  const input = (await terminal.readInput())?.trim() ?? ''
  if (input === '')
    throw new UsageError('nothing to answer: give --prompt TEXT, --messages FILE.json, or text on stdin')
  return file === '-' || input.startsWith('[') ? parseMessages(input, 'stdin') : [{ role: 'user', content: input }]
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new InputError(`${path} cannot be read: ${errorMessage(error)}`)
  }
}

/** Reads a list of messages, or an object that holds one as `messages`. */
function parseMessages(text: string, source: string): ChatMessage[] {
  const json = parseJson(text)
  if (!json.ok) throw new InputError(`${source} is not JSON: ${json.message}`)
  const list = z.array(chatMessageSchema).min(1)
  const result = z
    .union([list, z.object({ messages: list }).transform(({ messages }) => messages)])
    .safeParse(json.value)
  if (result.success) return result.data
  throw new InputError(
    `${source}: expected a JSON list of messages like [{"role": "user", "content": "…"}], roles system, user or assistant`,
  )
}

function asJson(promptTokens: readonly number[], { tokens, text, finishReason }: Generation): string {
  return `${JSON.stringify({ promptTokens, tokens, text, finishReason })}\n`
}
