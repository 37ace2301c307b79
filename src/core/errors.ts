/**
 * The errors a caller can do something about, one class for each way out.
 *
 * To add one: give it a `code` of its own, say in the message what happened, where, and what to do next,
 * and let `exitCode` follow the command-line contract (1 failed, 2 usage or configuration, 3 threshold, 4 budget).
 * Anything that is a bug of ours stays a plain `Error`.
 */

/** Base of every error that POP raises on purpose. `message` is one line a user can act on. */
export abstract class PopError extends Error {
  abstract readonly code: string
  /** Process exit code that the command line gives when this error reaches it. */
  readonly exitCode: number = 1

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** The command line was used wrongly: unknown verb, missing argument, bad flag. */
export class UsageError extends PopError {
  readonly code = 'usage'
  override readonly exitCode = 2
}

/** A configuration file or value cannot be used. */
export class ConfigError extends PopError {
  readonly code = 'config'
  override readonly exitCode = 2
}

/** A file or folder that the user named is missing, unreadable, truncated or of the wrong shape. */
export class InputError extends PopError {
  readonly code = 'input'
  override readonly exitCode = 2
}

/** A model folder cannot be loaded: a file is missing, damaged, or its architecture is unsupported. */
export class ModelError extends PopError {
  readonly code = 'model'
  override readonly exitCode = 2
}

/** The embedded engine's thread ended by itself: out of memory, or a fault in native code. What was finished is kept. */
export class EngineError extends PopError {
  readonly code = 'engine'
}

/** A remote model did not answer as needed. `retryable` is the client's verdict, taken where the facts are known. */
export class EndpointError extends PopError {
  readonly code = 'endpoint'
  readonly retryable: boolean
  /** HTTP status, when there was an answer at all. */
  readonly status: number | undefined
  /** Seconds the server asked us to wait (Retry-After), if it did. */
  readonly retryAfterSeconds: number | undefined
  /** The server had the request and did not finish it in time. */
  readonly timedOut: boolean

  constructor(
    message: string,
    facts: { retryable: boolean; status?: number; retryAfterSeconds?: number; timedOut?: boolean },
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.retryable = facts.retryable
    this.status = facts.status
    this.retryAfterSeconds = facts.retryAfterSeconds
    this.timedOut = facts.timedOut ?? false
  }
}

/** The run folder cannot be used: locked by another process, or made from another configuration. */
export class RunFolderError extends PopError {
  readonly code = 'run-folder'
}

/** Training or sampling met numbers it cannot go on with (NaN loss, infinite gradient). */
export class NumericalError extends PopError {
  readonly code = 'numerical'
}

/** Finished, but a failure threshold was passed. */
export class ThresholdError extends PopError {
  readonly code = 'threshold'
  override readonly exitCode = 3
}

/** The budget is used up; the run can be resumed with a larger one. */
export class BudgetError extends PopError {
  readonly code = 'budget'
  override readonly exitCode = 4
}

/** The user interrupted; state is saved. */
export class InterruptedError extends PopError {
  readonly code = 'interrupted'
  override readonly exitCode = 130
}

/** The text of anything thrown, for messages. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
