/**
 * Tries a call again while its error says that it may help. Two purses: faults use up a bounded number of retries;
 * a server that asks for patience (429, or 503 with Retry-After) is waited for, bounded by time only.
 */
import { EndpointError } from '../core/errors.ts'
import type { Clock } from '../core/clock.ts'
import type { Rng } from '../core/rng.ts'

export interface RetryPolicy {
  /** Attempts after the first that faults may use. */
  readonly retries: number
  /** Longest time in seconds that one call spends waiting for a server that asks for patience. */
  readonly maxWaitSeconds: number
}

const FIRST_DELAY_SECONDS = 1
const LONGEST_DELAY_SECONDS = 30

/**
 * @param jitter spreads the waits, so that calls that failed together do not come back together
 * @throws the last EndpointError, with the number of attempts in its message
 */
export async function withRetries<T>(
  call: () => Promise<T>,
  policy: RetryPolicy,
  deps: { readonly clock: Clock; readonly jitter: Rng },
  signal?: AbortSignal,
): Promise<T> {
  let faults = 0
  let waits = 0
  let waitedSeconds = 0
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof EndpointError) || !error.retryable) throw error
      const patience = asksForPatience(error)
      if (patience) waits++
      else faults++
      const seconds = delaySeconds(error, patience ? waits : faults, deps.jitter)
      if (faults > policy.retries || (patience && waitedSeconds + seconds > policy.maxWaitSeconds)) {
        throw gaveUp(error, faults + waits)
      }
      if (patience) waitedSeconds += seconds
      await deps.clock.sleep(seconds * 1000, signal)
    }
  }
}

function asksForPatience(error: EndpointError): boolean {
  return error.status === 429 || (error.status === 503 && error.retryAfterSeconds !== undefined)
}

/** Exponential, halved at most by the jitter; never earlier than the server asked. */
function delaySeconds(error: EndpointError, attempt: number, jitter: Rng): number {
  const backOff = Math.min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** (attempt - 1))
  if (error.retryAfterSeconds !== undefined) return error.retryAfterSeconds + 0.1 * backOff * jitter.uniform()
  return backOff * (0.5 + 0.5 * jitter.uniform())
}

function gaveUp(error: EndpointError, attempts: number): EndpointError {
  const { status, retryAfterSeconds } = error
  const facts = {
    retryable: true,
    ...(status === undefined ? {} : { status }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  }
  return new EndpointError(`${error.message} (gave up after ${attempts} attempts)`, facts, { cause: error })
}
