import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EndpointError } from '../core/errors.ts'
import { Engine } from '../engine/index.ts'
import { EmbeddedLanguageModel } from './embedded.ts'
import { describeLanguageModel } from './testing/conformance.ts'
import type { GenerateRequest } from '../records/index.ts'

const modelDir = fileURLToPath(new URL('../../test/goldens/trl-dpo/qwen3/', import.meta.url))
const open = (): Promise<Engine> => Engine.open(modelDir, { threads: 1, inThread: true })

describeLanguageModel(
  'the embedded engine',
  async () => {
    const engine = await open()
    return { model: new EmbeddedLanguageModel(engine, 'tiny@round-0'), close: () => engine.close() }
  },
  { samples: true, repeatable: true, independentSamples: true },
)

describe('EmbeddedLanguageModel', () => {
  const request: GenerateRequest = {
    messages: [{ role: 'user', content: 'Hello' }],
    n: 2,
    temperature: 1,
    topP: 1,
    maxTokens: 12,
    seed: 3,
  }
  let engine: Engine
  let model: EmbeddedLanguageModel
  beforeAll(async () => {
    engine = await open()
    model = new EmbeddedLanguageModel(engine, 'tiny')
  })
  afterAll(() => engine.close())

  it('returns the ids it sampled, with the log-probs that scoring them gives', async () => {
    const prompt = engine.tokenizer.encodeChat(request.messages, { addGenerationPrompt: true })
    for (const { tokens = [], logprobs = [] } of await model.generate(request)) {
      const [scored] = await engine.logprobs([[...prompt, ...tokens]])
      expect(logprobs).toHaveLength(tokens.length)
      logprobs.forEach((value, t) => expect(value).toBeCloseTo(scored?.[prompt.length - 1 + t] ?? NaN, 4))
    }
  })

  it('keeps to a JSON schema, whatever the weights would rather say', async () => {
    const schema = {
      type: 'object',
      properties: { rating: { type: 'integer', enum: [0, 1, 2] } },
      required: ['rating'],
      additionalProperties: false,
    }
    const replies = await model.generate({ ...request, maxTokens: 40, responseFormat: { name: 'rating', schema } })
    for (const { text, finishReason } of replies) {
      expect(finishReason).toBe('stop')
      expect(text).toMatch(/^\{\s*"rating"\s*:\s*[012]\s*\}$/)
    }
  })

  it('refuses a prompt that fills the context, with both numbers', async () => {
    const long = { ...request, messages: [{ role: 'user' as const, content: 'zq '.repeat(400) }] }
    const error: unknown = await model.generate(long).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(EndpointError)
    expect(error).toMatchObject({ retryable: false })
    expect(String(error)).toMatch(/the prompt has \d{3,4} tokens and the context of tiny is 256/)
  })

  it('cuts an answer where the context ends', async () => {
    const near = { ...request, n: 1, maxTokens: 1000 }
    const [generation] = await model.generate(near)
    const prompt = generation?.usage.promptTokens ?? 0
    expect(prompt + (generation?.usage.completionTokens ?? 0)).toBeLessThanOrEqual(256)
  })
})
