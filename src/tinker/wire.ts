/** The Tinker protocol's messages as far as we use them: requests we build, replies we check. Unknown keys are nothing to us. */
import { z } from 'zod'
import { EndpointError } from '../core/errors.ts'

/** A sequence with one value per predicted token: inputs are tokens 1 … n−1, targets 2 … n. */
export interface Datum {
  readonly tokens: ArrayLike<number>
  /** By name (`weights`, `advantages`, `logprobs`): n − 1 numbers each. */
  readonly vectors: Readonly<Record<string, ArrayLike<number>>>
}

/** A datum as the service reads it: dense one-dimensional tensors, and the shift done here. */
export function encodeDatum({ tokens, vectors }: Datum): object {
  const ids = Array.from(tokens)
  const tensors = Object.entries(vectors).map(([name, values]) => [name, tensor(values, 'float32')] as const)
  return {
    model_input: { chunks: [{ type: 'encoded_text', tokens: ids.slice(0, -1) }] },
    loss_fn_inputs: { target_tokens: tensor(ids.slice(1), 'int64'), ...Object.fromEntries(tensors) },
  }
}

function tensor(values: ArrayLike<number>, dtype: 'int64' | 'float32'): object {
  return { data: Array.from(values), dtype, shape: [values.length] }
}

export const capabilitiesSchema = z.object({
  supported_models: z.array(z.object({ model_name: z.string() })),
})
export const sessionSchema = z.object({ session_id: z.string() })
/** What every heavy call answers at once; ids come as text or number. */
export const futureSchema = z.object({ request_id: z.union([z.string(), z.int()]).transform(String) })
export const createdModelSchema = z.object({
  model_id: z.string(),
  request_id: z.union([z.string(), z.int()]).transform(String),
})
export const passSchema = z.object({
  loss_fn_outputs: z.array(z.object({ logprobs: z.object({ data: z.array(z.number()) }) })),
})
export const stepSchema = z.object({ metrics: z.record(z.string(), z.number().nullable()).nullish() })
export const savedSchema = z.object({ path: z.string() })
export const sampledSchema = z.object({
  sequences: z.array(
    z.object({ stop_reason: z.string(), tokens: z.array(z.int()), logprobs: z.array(z.number()).nullish() }),
  ),
})
export const promptLogprobsSchema = z.object({ prompt_logprobs: z.array(z.number().nullable()) })

/** `tinker://M/N` and `tinker://M/sampler_weights/N` name the same sampler weights. */
export function samplerName(path: string): { readonly model: string; readonly name: string } | undefined {
  const [, model, name] = /^tinker:\/\/([\w-]+)\/(?:sampler_weights\/)?([\w-]+)$/.exec(path) ?? []
  return model === undefined || name === undefined ? undefined : { model, name }
}

/** The last `length` of what a server gave: some put something before the first that counts. @throws {EndpointError} for fewer */
export function lastOf(values: readonly (number | null)[], length: number): Float32Array {
  const known = values.slice(values.length - length)
  if (values.length < length || known.includes(null)) {
    const numbers = values.filter((value) => value !== null).length
    throw new EndpointError(`the Tinker server gave ${numbers} log-probs for ${length} tokens`, { retryable: false })
  }
  return Float32Array.from(known, Number)
}
