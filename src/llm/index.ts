/** Models that answer chats, behind one interface. */
import { readApiKey } from '../core/api-key.ts'
import { ConfigError } from '../core/errors.ts'
import { systemClock } from '../core/clock.ts'
import { Endpoint } from './endpoint.ts'
import { OpenAiLanguageModel } from './openai.ts'
import { patientFetch } from './patient-fetch.ts'
import { EndpointPool } from './pool.ts'
import type { LanguageModelDeps } from './deps.ts'
import type { ModelEndpoint } from '../records/index.ts'

export { EmbeddedLanguageModel, type SamplingEngine } from './embedded.ts'
export { loadServedAdapter } from './served-adapter.ts'
export { OpenAiLanguageModel, type OpenAiOptions } from './openai.ts'
export type { EndpointPool } from './pool.ts'
export type { LanguageModelDeps } from './deps.ts'
export { probeServer, type ServerProbe } from './probe.ts'

/** An endpoint reached over the network; an `embedded` one needs an engine, which the caller holds. */
export type RemoteEndpoint = Extract<ModelEndpoint, { backend: 'openai' }>

/**
 * The client of a remote endpoint. Sends nothing yet.
 * @throws ConfigError when the variable named by `apiKeyEnv` is not set, or the address holds credentials
 */
export function createLanguageModel(endpoint: RemoteEndpoint, deps: LanguageModelDeps): OpenAiLanguageModel {
  const { env, pools, ...rest } = deps
  const urls = [endpoint.baseUrl, ...(endpoint.replicas ?? [])]
  for (const url of urls) checkUrl(url)
  const { baseUrl, name, timeoutSeconds, stream, apiKeyEnv, requestsPerMinute, tokensPerMinute } = endpoint
  const secret = readApiKey(apiKeyEnv, env)
  const limits = { requestsPerMinute, tokensPerMinute }
  const identity = JSON.stringify([urls, apiKeyEnv, requestsPerMinute, tokensPerMinute])
  const pool = pools?.get(identity) ?? openPool(urls, { limits, apiKey: secret.apiKey }, rest)
  pools?.set(identity, pool)
  return new OpenAiLanguageModel({ baseUrl, name, pool, timeoutSeconds, stream, ...secret, ...rest })
}

function openPool(
  urls: readonly string[],
  about: Pick<ConstructorParameters<typeof Endpoint>[0], 'limits' | 'apiKey'>,
  deps: Pick<LanguageModelDeps, 'fetch' | 'clock'>,
): EndpointPool {
  const fetch = deps.fetch ?? patientFetch()
  const clock = deps.clock ?? systemClock
  return new EndpointPool(urls.map((baseUrl) => new Endpoint({ baseUrl, fetch, clock, ...about })))
}

function checkUrl(baseUrl: string): void {
  const { protocol, username, password } = new URL(baseUrl)
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new ConfigError(`baseUrl must begin with http:// or https://, not ${protocol}//`)
  }
  if (username !== '' || password !== '') {
    throw new ConfigError(
      'baseUrl holds a user name or password: put the key into an environment variable and name it in apiKeyEnv',
    )
  }
}
