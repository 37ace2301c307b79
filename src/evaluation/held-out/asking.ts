/** How the held-out suite asks a role of the task, and what it does with a call that failed. Knows no question. */
import { EndpointError } from '../../core/errors.ts'
import type { GenerateRequest, Generation } from '../../records/index.ts'
import type { RoleProfile } from '../../roles/index.ts'
import type { Call } from '../suite.ts'

type Sampling = Pick<RoleProfile<never, unknown>, 'sampling'>

export function toRequest(
  profile: Sampling,
  messages: GenerateRequest['messages'],
  n: number,
  seed: number,
): GenerateRequest {
  const { temperature, topP, maxTokens } = profile.sampling
  return { messages, n, temperature, topP, maxTokens, seed }
}

/** What the reply says; null when it cannot be read. */
export function parsed<T>(profile: Pick<RoleProfile<never, T>, 'parse'>, generation: Generation): T | null {
  const result = profile.parse(generation.text, { truncated: generation.finishReason === 'length' })
  return result.ok ? result.value : null
}

/** Asks until a reply can be read, as often as the role may be asked. */
export async function firstParsed<T>(
  profile: Pick<RoleProfile<never, T>, 'parse' | 'sampling'>,
  ask: (attempt: number) => Promise<Generation[]>,
): Promise<T | null> {
  for (let attempt = 0; attempt < profile.sampling.attempts; attempt++) {
    const [generation] = await ask(attempt)
    const value = generation === undefined ? null : parsed(profile, generation)
    if (value !== null) return value
  }
  return null
}

/** A call that failed gives no samples; `onFailure` is told. */
export function forgiving(call: Call, onFailure: (key: string, error: EndpointError) => void): Call {
  return async (key, model, request) => {
    try {
      return await call(key, model, request)
    } catch (error) {
      if (!(error instanceof EndpointError)) throw error
      onFailure(key, error)
      return []
    }
  }
}
