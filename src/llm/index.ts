/** Models that answer chats, behind one interface. */
import { ConfigError } from '../core/errors.ts'
import { OpenAiLanguageModel, type OpenAiOptions } from './openai.ts'
import type { ModelEndpoint } from '../records/index.ts'

export { EmbeddedLanguageModel, type SamplingEngine } from './embedded.ts'
export { OpenAiLanguageModel, type OpenAiOptions } from './openai.ts'

/** An endpoint reached over the network; an `embedded` one needs an engine, which the caller holds. */
export type RemoteEndpoint = Extract<ModelEndpoint, { backend: 'openai' }>

export interface LanguageModelDeps extends Pick<OpenAiOptions, 'fetch' | 'clock' | 'onNotice'> {
  /** Where keys are looked up. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * The client of a remote endpoint. Sends nothing yet.
 * @throws ConfigError when the variable named by `apiKeyEnv` is not set, or the address holds credentials
 */
export function createLanguageModel(endpoint: RemoteEndpoint, deps: LanguageModelDeps): OpenAiLanguageModel {
  const { env, ...rest } = deps
  const { protocol, username, password } = new URL(endpoint.baseUrl)
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new ConfigError(`baseUrl must begin with http:// or https://, not ${protocol}//`)
  }
  if (username !== '' || password !== '') {
    throw new ConfigError(
      'baseUrl holds a user name or password: put the key into an environment variable and name it in apiKeyEnv',
    )
  }
  const { baseUrl, name, timeoutSeconds, apiKeyEnv } = endpoint
  return new OpenAiLanguageModel({ baseUrl, name, timeoutSeconds, ...key(apiKeyEnv, env), ...rest })
}

function key(name: string | undefined, env: LanguageModelDeps['env']): Pick<OpenAiOptions, 'apiKey' | 'apiKeyEnv'> {
  if (name === undefined) return {}
  const value = env[name]?.trim()
  if (value === undefined || value === '') {
    throw new ConfigError(`the environment variable ${name}, named by apiKeyEnv, is not set`)
  }
  // A header takes printable ASCII only; fetch's own complaint would show the value.
  if (!/^[\x21-\x7e]+$/.test(value))
    throw new ConfigError(`the environment variable ${name} does not hold a usable key`)
  return { apiKey: value, apiKeyEnv: name }
}
