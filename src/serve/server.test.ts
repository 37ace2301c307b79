import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../core/clock.ts'
import { Engine, readModelFiles } from '../engine/index.ts'
import { LAB_MODEL_DIR } from '../lab/index.ts'
import { ModelServer } from './server.ts'

/** The official client, over a real socket, against the laboratory's checkpoint. */
const messages = [
  { role: 'user' as const, content: 'Answer the question.\n\nQuestion: What is the color of the town Zorbal?' },
]

const TINY_LLAMA = join(import.meta.dirname, '../../test/goldens/tiny-models/llama')

describe('the model server', { timeout: 60_000 }, () => {
  let engine: Engine
  let server: ModelServer
  let baseURL: string
  let client: OpenAI

  beforeAll(async () => {
    engine = await Engine.open(LAB_MODEL_DIR, { threads: 1 })
    server = new ModelServer({ engine, name: 'lab', clock: systemClock, seed: 1, apiKey: 'secret' })
    baseURL = `http://127.0.0.1:${await server.listen('127.0.0.1', 0)}/v1`
    client = new OpenAI({ baseURL, apiKey: 'secret', maxRetries: 0 })
  }, 60_000)
  afterAll(async () => {
    await server.close()
    await engine.close()
  })

  async function greedyText(): Promise<string> {
    const promptTokens = engine.tokenizer.encodeChat(messages, { addGenerationPrompt: true })
    const settings = { samples: 1, seed: 0, temperature: 0, topP: 1, topK: 0, maxTokens: 40 }
    const answers = await engine.generate([{ promptTokens, ...settings, stopTokenIds: engine.tokenizer.stopTokenIds }])
    return answers[0]?.[0]?.text ?? ''
  }

  it('lists its model', async () => {
    const models = await client.models.list()
    expect(models.data.map(({ id }) => id)).toEqual(['lab'])
  })

  it('answers a chat with the text that the engine gives, and counts tokens', async () => {
    const reply = await client.chat.completions.create({ model: 'lab', messages, temperature: 0, max_tokens: 40 })
    expect(reply.choices[0]?.message.content).toBe(await greedyText())
    expect(reply.usage?.prompt_tokens).toBe(engine.tokenizer.encodeChat(messages, { addGenerationPrompt: true }).length)
    expect(reply.usage?.completion_tokens).toBeGreaterThan(0)
  })

  it('gives n answers that a seed repeats', async () => {
    const ask = async (seed: number): Promise<(string | null)[]> => {
      const reply = await client.chat.completions.create({ model: 'lab', messages, n: 5, seed, max_tokens: 40 })
      return reply.choices.map(({ message }) => message.content)
    }
    const first = await ask(7)
    expect(await ask(7)).toEqual(first)
    expect(new Set(first).size).toBeGreaterThan(1)
    expect(await ask(8)).not.toEqual(first)
  })

  it('streams the very text, with usage at the end when asked', async () => {
    const common = { model: 'lab', messages, n: 3, seed: 4, max_tokens: 40 }
    const whole = await client.chat.completions.create(common)
    const stream = await client.chat.completions.create({
      ...common,
      stream: true,
      stream_options: { include_usage: true },
    })
    const texts = ['', '', '']
    const reasons: (string | null)[] = [null, null, null]
    let usage: OpenAI.CompletionUsage | null | undefined
    let pieces = 0
    for await (const chunk of stream) {
      usage = chunk.usage ?? usage
      for (const { index, delta, finish_reason } of chunk.choices) {
        texts[index] = (texts[index] ?? '') + (delta.content ?? '')
        reasons[index] = finish_reason ?? reasons[index] ?? null
        pieces++
      }
    }
    expect(texts).toEqual(whole.choices.map(({ message }) => message.content))
    expect(reasons).toEqual(whole.choices.map(({ finish_reason }) => finish_reason))
    expect(usage).toEqual(whole.usage)
    expect(pieces).toBeGreaterThan(9)
  })

  it('ends at a stop string and never shows a part of it', async () => {
    const greedy = await greedyText()
    const stop = greedy.slice(10, 16)
    const common = { model: 'lab', messages, temperature: 0, max_tokens: 40, stop }
    const reply = await client.chat.completions.create(common)
    expect(reply.choices[0]?.message.content).toBe(greedy.slice(0, greedy.indexOf(stop)))
    let streamed = ''
    for await (const chunk of await client.chat.completions.create({ ...common, stream: true })) {
      streamed += chunk.choices[0]?.delta.content ?? ''
    }
    expect(streamed).toBe(greedy.slice(0, greedy.indexOf(stop)))
  })

  it('gives log-probs and the likeliest alternatives', async () => {
    const asked = { model: 'lab', messages, temperature: 0, max_tokens: 12, logprobs: true, top_logprobs: 4 }
    const reply = await client.chat.completions.create(asked)
    const content = reply.choices[0]?.logprobs?.content ?? []
    expect(content.length).toBe(reply.usage?.completion_tokens)
    for (const { token, logprob, top_logprobs } of content) {
      expect(top_logprobs).toHaveLength(4)
      expect(top_logprobs[0]).toMatchObject({ token, logprob })
      expect(top_logprobs.reduce((sum, top) => sum + Math.exp(top.logprob), 0)).toBeLessThanOrEqual(1.0001)
    }
    const stream = await client.chat.completions.create({ ...asked, stream: true })
    const streamed = []
    for await (const { choices } of stream) streamed.push(...(choices[0]?.logprobs?.content ?? []))
    expect(streamed).toEqual(content)
  })

  it('writes JSON of a schema when asked, whatever the model would rather say', async () => {
    const schema = {
      type: 'object',
      properties: { color: { enum: ['red', 'blue'] }, sure: { type: 'boolean' } },
      required: ['color', 'sure'],
      additionalProperties: false,
    }
    const reply = await client.chat.completions.create({
      model: 'lab',
      messages,
      n: 8,
      seed: 3,
      max_tokens: 60,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
    })
    for (const { message, finish_reason } of reply.choices) {
      expect(finish_reason).toBe('stop')
      expect(JSON.parse(message.content ?? '')).toMatchObject({
        color: expect.stringMatching(/^(red|blue)$/) as string,
      })
    }
  })

  it('completes prompts of text and of token ids alike', async () => {
    const text = 'The almanac says that'
    const ids = engine.tokenizer.encode(text, { addSpecialTokens: true })
    const common = { model: 'lab', temperature: 0, max_tokens: 8, logprobs: 2 }
    const reply = await client.completions.create({ ...common, prompt: [text, text] })
    expect(reply.choices.map(({ index }) => index)).toEqual([0, 1])
    const byIds = await client.completions.create({ ...common, prompt: ids })
    expect(byIds.choices[0]?.text).toBe(reply.choices[1]?.text)
    expect(reply.choices[0]?.logprobs?.token_logprobs).toHaveLength(8)
    const offsets = []
    for await (const { choices } of await client.completions.create({ ...common, prompt: ids, stream: true })) {
      offsets.push(...(choices[0]?.logprobs?.text_offset ?? []))
    }
    expect(offsets).toEqual(byIds.choices[0]?.logprobs?.text_offset)
    expect(reply.usage?.prompt_tokens).toBe(2 * ids.length)
  })

  it('serves many clients from one batch', async () => {
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, seed) =>
        client.chat.completions.create({ model: 'lab', messages, seed, max_tokens: 24 }),
      ),
    )
    const again = await client.chat.completions.create({ model: 'lab', messages, seed: 11, max_tokens: 24 })
    expect(answers[11]?.choices[0]?.message.content).toBe(again.choices[0]?.message.content)
  })

  it('drops the request of a client that goes away', async () => {
    const leaving = new AbortController()
    const long = client.chat.completions.create(
      { model: 'lab', messages, n: 64, max_tokens: 900, stop: ['never said'] },
      { signal: leaving.signal },
    )
    const rejection = expect(long).rejects.toThrow()
    const running = async (): Promise<number> => (await engine.stats()).runningSamples
    await expect.poll(running, { timeout: 10_000, interval: 10 }).toBeGreaterThan(0)
    leaving.abort()
    await rejection
    await expect.poll(running, { timeout: 10_000 }).toBe(0)
    await expect.poll(() => server.load, { timeout: 10_000 }).toBe(0)
  })

  it('an answer that nobody bounded leaves room for others: the cache is given as it is written', async () => {
    const { config, raw: _, ...files } = readModelFiles(TINY_LLAMA)
    // The cache of Llama-3.2-1B, whose context takes 8 GiB, on next to no weights.
    const cache = { num_hidden_layers: 16, num_key_value_heads: 8, num_attention_heads: 8, head_dim: 64 }
    const sizes = { hidden_size: 64, intermediate_size: 64, max_position_embeddings: 131_072 }
    const large = await Engine.create({ ...config, ...cache, ...sizes }, files, { seed: 2, threads: 1 })
    const other = new ModelServer({ engine: large, name: 'large', clock: systemClock, seed: 1 })
    const address = `http://127.0.0.1:${await other.listen('127.0.0.1', 0)}/v1`
    const ask = new OpenAI({ baseURL: address, apiKey: 'none', maxRetries: 0 }).chat.completions
    const enough = new AbortController()
    const unbounded = [1, 2, 3].map((seed) => ask.create({ model: 'large', messages, seed }, { signal: enough.signal }))
    await expect.poll(async () => (await large.stats()).runningSamples, { timeout: 20_000, interval: 10 }).toBe(3)
    enough.abort()
    await Promise.allSettled(unbounded)
    await other.close()
    await large.close()
  })

  it('answers health to anybody and metrics under the names of vLLM', async () => {
    const root = baseURL.replace('/v1', '')
    expect((await fetch(`${root}/health`)).status).toBe(200)
    const metrics = await fetch(`${root}/metrics`, { headers: { authorization: 'Bearer secret' } })
    const text = await metrics.text()
    expect(text).toMatch(/^vllm:num_requests_running\{model_name="lab"\} 0$/m)
    expect(Number(/^vllm:generation_tokens_total\{.*\} (\d+)$/m.exec(text)?.[1])).toBe(
      (await engine.stats()).sampledTokens,
    )
  })

  describe('refuses', () => {
    const post = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${baseURL}/chat/completions`, {
        method: 'POST',
        headers: { authorization: 'Bearer secret', 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })
    const good = { model: 'lab', messages }

    it.each([
      ['a wrong key', good, { authorization: 'Bearer wrong!' }, 401, 'Authorization'],
      ['a form that a page could send unasked', good, { 'content-type': 'text/plain' }, 415, 'application/json'],
      ['half a body', '{"model":', {}, 400, 'not JSON'],
      ['another model', { ...good, model: 'gpt-4' }, {}, 404, 'this server has lab'],
      ['a setting out of range', { ...good, temperature: -1 }, {}, 400, 'temperature'],
      ['a setting it cannot honour', { ...good, frequency_penalty: 1 }, {}, 400, 'frequency_penalty'],
      [
        'a prompt beyond the context',
        { model: 'lab', messages: [{ role: 'user', content: 'red '.repeat(3000) }] },
        {},
        400,
        'context',
      ],
    ])('%s', async (_, body, headers, status, words) => {
      const response = await post(body, headers)
      const { error } = (await response.json()) as { error: { message: string } }
      expect(response.status).toBe(status)
      expect(error.message).toContain(words)
    })

    it('an error before a stream begins, with its status', async () => {
      const response = await post({ ...good, stream: true, messages: [{ role: 'user', content: 'red '.repeat(3000) }] })
      expect(response.status).toBe(400)
    })

    it('a route it does not have', async () => {
      const response = await fetch(`${baseURL}/embeddings`, { headers: { authorization: 'Bearer secret' } })
      expect(response.status).toBe(404)
    })
  })
})
