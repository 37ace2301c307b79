/** A LoRA adapter brought to a running server by vLLM's route for it. The folder must lie where the server sees it under the same path. */
import { readApiKey } from '../core/api-key.ts'
import { systemClock } from '../core/clock.ts'
import { EndpointError } from '../core/errors.ts'
import type { ModelEndpoint } from '../records/index.ts'
import type { LanguageModelDeps } from './deps.ts'
import { patientFetch } from './patient-fetch.ts'
import { exchange } from './transport.ts'

const TIMEOUT_MS = 300_000

/**
 * Loads `path` under `name` on every server of the endpoint; a name that is loaded already stays as it is.
 * @throws {EndpointError} when a server does not take it
 */
export async function loadServedAdapter(
  endpoint: Extract<ModelEndpoint, { backend: 'openai' }>,
  { name, path }: { readonly name: string; readonly path: string },
  { env, fetch = patientFetch(), clock = systemClock }: LanguageModelDeps,
): Promise<void> {
  const { apiKey } = readApiKey(endpoint.apiKeyEnv, env)
  for (const baseUrl of [endpoint.baseUrl, ...(endpoint.replicas ?? [])]) {
    const reply = await exchange(
      {
        url: `${baseUrl.replace(/\/+$/, '')}/load_lora_adapter`,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        body: JSON.stringify({ lora_name: name, lora_path: path }),
        timeoutMs: TIMEOUT_MS,
      },
      { fetch, clock, hasAnswered: () => true },
    )
    if (reply.status >= 200 && reply.status < 300) continue
    const text = reply.text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 300)
    if (/already/i.test(text)) continue
    throw new EndpointError(
      `${baseUrl} did not take the adapter ${path} (${reply.status}): ${text}; vLLM takes adapters when it is started with ` +
        '--enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, and must see that folder',
      { retryable: false, status: reply.status },
    )
  }
}
