import { describe, expect, it } from 'vitest'
import { ConfigError } from '../core/errors.ts'
import { modelConfigSchema } from '../records/index.ts'
import { createLanguageModel, type RemoteEndpoint } from './index.ts'

function endpoint(changes: Record<string, string>): RemoteEndpoint {
  const parsed = modelConfigSchema.parse({
    backend: 'openai',
    baseUrl: 'http://localhost:8000/v1',
    name: 'tiny',
    ...changes,
  })
  if (parsed.backend !== 'openai') throw new Error('not remote')
  return parsed
}

describe('createLanguageModel', () => {
  it('sends the key that the named variable holds, and only as a header', async () => {
    const seen: RequestInit[] = []
    const model = createLanguageModel(endpoint({ apiKeyEnv: 'MY_KEY' }), {
      env: { MY_KEY: ' sk-secret\n' },
      fetch: (_url, init) => {
        seen.push(init)
        const choices = [{ index: 0, finish_reason: 'stop', message: { content: 'hi' } }]
        return Promise.resolve(Response.json({ choices, usage: { prompt_tokens: 1, completion_tokens: 1 } }))
      },
    })
    await model.generate({ messages: [], n: 1, temperature: 1, topP: 1, maxTokens: 4, seed: 1 })
    expect(new Headers(seen[0]?.headers).get('authorization')).toBe('Bearer sk-secret')
    expect(JSON.stringify(seen[0]?.body)).not.toContain('secret')
    expect(model.name).toBe('tiny')
  })

  it.each([
    [
      'an unset variable',
      { apiKeyEnv: 'NOT_SET' },
      {},
      'the environment variable NOT_SET, named by apiKeyEnv, is not set',
    ],
    ['an empty variable', { apiKeyEnv: 'EMPTY' }, { EMPTY: ' ' }, 'EMPTY'],
    [
      'a key with a line break inside',
      { apiKeyEnv: 'BROKEN' },
      { BROKEN: 'sk-a\nb' },
      'BROKEN does not hold a usable key',
    ],
    [
      'credentials in the address',
      { baseUrl: 'http://me:hunter2@localhost/v1' },
      {},
      'baseUrl holds a user name or password',
    ],
    ['another protocol', { baseUrl: 'ftp://localhost/v1' }, {}, 'must begin with http'],
  ])('refuses %s', (_name, changes, env, message) => {
    const make = (): unknown => createLanguageModel(endpoint(changes), { env })
    expect(make).toThrow(ConfigError)
    expect(make).toThrow(message)
    expect(make).not.toThrow(/hunter2|sk-a/)
  })
})
