/**
 * The model server as Python's `openai` package sees it. Needs a Python that has it:
 * POP_PYTHON=/path/to/python npx vitest run test/peers/openai-python.test.ts
 * The same client of npm runs without it (`src/serve/server.test.ts`).
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { Engine } from '../../src/engine/index.ts'
import { LAB_MODEL_DIR } from '../../src/lab/index.ts'
import { ModelServer } from '../../src/serve/index.ts'

const python = process.env['POP_PYTHON']
const PROMPT = 'Answer the question.\n\nQuestion: What is the color of the town Zorbal?'

interface Usage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
}
interface Stream {
  texts: string[]
  reasons: string[]
  usage: Usage
  deltas: number
}
interface Token {
  token: string
  logprob: number
  bytes: number[]
  top_logprobs: { token: string; logprob: number }[]
}
interface Outcome {
  models: string[]
  greedy: { texts: string[]; usage: Usage }
  unbounded: { texts: string[]; reason: string }
  seeded: string[][]
  stopped: { text: string; reason: string }
  stopped_stream: Stream
  whole: Omit<Stream, 'deltas'>
  streamed: Stream
  logprobs: { content: Token[]; streamed: Token[]; usage: Usage }
  structured: { texts: string[]; reasons: string[] }
  parsed: { color: string; sure: boolean; note: boolean | null }
  together: string[]
  alone: string
  completions: {
    texts: string[]
    usage: Usage
    by_ids: string
    token_ids: number[]
    prompt_token_ids: number[]
    logprobs: { tokens: string[]; token_logprobs: number[]; top_logprobs: object[]; text_offset: number[] }
    streamed: string
    streamed_logprobs: object
  }
  errors: Record<string, { class: string; status: number; message: string } | null>
}

/** What the client prints, after the server in this process has answered it. */
function ask(baseURL: string, given: object): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(python ?? '', [join(import.meta.dirname, 'openai_client.py'), baseURL])
    let [output, errors] = ['', '']
    child.stdout.on('data', (data: Buffer) => (output += data.toString()))
    child.stderr.on('data', (data: Buffer) => (errors += data.toString()))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output) as Outcome)
      else reject(new Error(errors))
    })
    child.stdin.end(JSON.stringify(given))
  })
}

describe.skipIf(python === undefined)("Python's openai package (needs POP_PYTHON)", () => {
  let engine: Engine
  let server: ModelServer
  let outcome: Outcome
  let greedy: { text: string; tokens: number[]; logprobs: number[] }
  let promptIds: number[]

  async function greedyOf(promptTokens: readonly number[], maxTokens: number): Promise<typeof greedy> {
    const settings = { samples: 1, seed: 0, temperature: 0, topP: 1, topK: 0, maxTokens }
    const { stopTokenIds } = engine.tokenizer
    const [[answer] = []] = await engine.generate([{ promptTokens, ...settings, stopTokenIds }])
    return answer ?? { text: '', tokens: [], logprobs: [] }
  }

  beforeAll(async () => {
    engine = await Engine.open(LAB_MODEL_DIR, { threads: 1 })
    server = new ModelServer({ engine, name: 'lab', clock: systemClock, seed: 1, apiKey: 'secret' })
    const port = await server.listen('127.0.0.1', 0)
    const chat = [{ role: 'user', content: PROMPT }]
    greedy = await greedyOf(engine.tokenizer.encodeChat(chat, { addGenerationPrompt: true }), 24)
    promptIds = engine.tokenizer.encode(PROMPT, { addSpecialTokens: true })
    const given = { prompt: PROMPT, prompt_ids: promptIds, stop: greedy.text.slice(10, 16) }
    outcome = await ask(`http://127.0.0.1:${port}/v1`, given)
  }, 120_000)
  afterAll(async () => {
    await server.close()
    await engine.close()
  })

  test('lists the model and reads chats as the engine gives them, with usage', () => {
    expect(outcome.models).toEqual(['lab'])
    expect(outcome.greedy.texts).toEqual([greedy.text])
    const { prompt_tokens, completion_tokens, total_tokens } = outcome.greedy.usage
    expect(completion_tokens).toBe(greedy.tokens.length)
    expect(total_tokens).toBe(prompt_tokens + completion_tokens)
    expect(outcome.unbounded.reason).toBe('stop')
    expect(outcome.unbounded.texts[0]?.startsWith(greedy.text)).toBe(true)
  })

  test('gets n answers that a seed repeats, alone and in company', () => {
    const [first, second, other] = outcome.seeded
    expect(second).toEqual(first)
    expect(other).not.toEqual(first)
    expect(new Set(first).size).toBeGreaterThan(1)
    expect(outcome.together[5]).toBe(outcome.alone)
  })

  test('ends at a stop string, whole and streamed', () => {
    const end = greedy.text.indexOf(greedy.text.slice(10, 16))
    expect(outcome.stopped).toEqual({ text: greedy.text.slice(0, end), reason: 'stop' })
    expect(outcome.stopped_stream).toMatchObject({ texts: [greedy.text.slice(0, end)], reasons: ['stop'] })
  })

  test('streams what it gets whole, with usage at the end', () => {
    const { deltas, ...streamed } = outcome.streamed
    expect(streamed).toEqual(outcome.whole)
    expect(deltas).toBeGreaterThan(4 * 3)
  })

  test('reads log-probabilities, whole and streamed', () => {
    const { content, streamed, usage } = outcome.logprobs
    expect(content.map(({ logprob }) => logprob)).toEqual(greedy.logprobs)
    expect(content).toHaveLength(usage.completion_tokens)
    for (const { token, logprob, bytes, top_logprobs } of content) {
      expect(top_logprobs).toHaveLength(3)
      expect(top_logprobs[0]).toMatchObject({ token, logprob })
      expect(Buffer.from(bytes).toString()).toBe(token)
    }
    expect(streamed).toEqual(content)
  })

  test('gets JSON of a schema, and of a class', () => {
    expect(outcome.structured.reasons).toEqual(['stop', 'stop', 'stop', 'stop'])
    for (const text of outcome.structured.texts) {
      const { color, sure } = JSON.parse(text) as { color: string; sure: boolean }
      expect(['red', 'blue']).toContain(color)
      expect(typeof sure).toBe('boolean')
    }
    expect(['red', 'blue']).toContain(outcome.parsed.color)
    expect([true, false, null]).toContain(outcome.parsed.note)
  })

  test('completes prompts of text and of token ids', async () => {
    const { completions } = outcome
    const { text, tokens, logprobs } = await greedyOf(promptIds, 8)
    expect(completions.texts).toEqual([text, text])
    expect(completions.by_ids).toBe(text)
    expect(completions).toMatchObject({ token_ids: tokens, prompt_token_ids: promptIds, streamed: text })
    expect(completions.usage.prompt_tokens).toBe(2 * promptIds.length)
    expect(completions.logprobs.token_logprobs).toEqual(logprobs)
    expect(completions.logprobs.top_logprobs).toHaveLength(tokens.length)
    expect(completions.streamed_logprobs).toEqual(completions.logprobs)
    expect(completions.logprobs.text_offset.at(-1)).toBeGreaterThan(0)
  })

  test.each([
    ['key', 'AuthenticationError', 401, 'Authorization'],
    ['model', 'NotFoundError', 404, 'this server has lab'],
    ['setting', 'BadRequestError', 400, 'temperature'],
    ['penalty', 'BadRequestError', 400, 'frequency_penalty'],
    ['tools', 'BadRequestError', 400, 'tools'],
    ['context', 'BadRequestError', 400, 'context'],
    ['stream', 'BadRequestError', 400, 'context'],
    ['schema', 'BadRequestError', 400, 'not'],
    ['route', 'NotFoundError', 404, '/v1/embeddings'],
  ])('raises its own class for a wrong %s', (name, type, status, words) => {
    expect(outcome.errors[name]).toMatchObject({
      class: type,
      status,
      message: expect.stringContaining(words) as string,
    })
  })
})
