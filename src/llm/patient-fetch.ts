/**
 * `fetch` without the client's own limit of five minutes until the first byte (undici's headersTimeout): a request
 * for many long samples, not streamed, may take longer, and `timeoutSeconds` is the limit that the user set.
 */
import type { Fetch } from './transport.ts'

/** Where undici, which is Node's fetch, keeps its connection pool. Not an API: absent, plain fetch is used. */
const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1')

interface Timeouts {
  readonly headersTimeout: number
  readonly bodyTimeout: number
}

type DispatcherClass = new (options: Timeouts) => object

/** @param limits in milliseconds; 0 = none */
export function patientFetch(limits: Timeouts = { headersTimeout: 0, bodyTimeout: 0 }): Fetch {
  const dispatcher = makeDispatcher(limits)
  return (url, init) => fetch(url, dispatcher === undefined ? init : ({ ...init, dispatcher } as RequestInit))
}

function makeDispatcher(limits: Timeouts): object | undefined {
  // Touching one of its classes loads undici, which puts its pool in place.
  if (typeof Response !== 'function') return undefined
  const shared = (globalThis as { [key: symbol]: unknown })[GLOBAL_DISPATCHER]
  if (typeof shared !== 'object' || shared === null || shared.constructor.name !== 'Agent') return undefined
  return new (shared.constructor as DispatcherClass)(limits)
}
