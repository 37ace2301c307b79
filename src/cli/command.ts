/** The shape that every verb of the command line has. Knows no verb. */
import type { Clock } from '../core/clock.ts'
import type { Terminal } from './terminal.ts'

/** An option of a verb. `value` names what it takes, for the help; without it the option is a switch. */
export interface OptionSpec {
  readonly help: string
  readonly value?: string
  readonly short?: string
}

/** What the user typed, read and checked. */
export interface Invocation {
  readonly positionals: readonly string[]
  /** Was the switch given? */
  has(option: string): boolean
  text(option: string): string | undefined
  /** A number; throws UsageError when the text is none. `integer` and `min` narrow it. */
  number(option: string, rule?: { integer?: boolean; min?: number }): number | undefined
}

/** The outside world, as a verb sees it. */
export interface Context {
  readonly terminal: Terminal
  readonly clock: Clock
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Aborted by the first Ctrl-C: stop starting work, let what runs finish, save, and reject with `signal.reason`. */
  readonly signal: AbortSignal
}

/** One verb. `run` gives the exit code, 0 when it returns nothing. */
export interface Command {
  readonly name: string
  /** One line, no full stop. */
  readonly summary: string
  /** The arguments after the verb: `MODEL_DIR TOKENS.jsonl`. */
  readonly usage: string
  /** Shown first in the help: command line and what it does. */
  readonly examples: readonly (readonly [line: string, what: string])[]
  readonly options: Readonly<Record<string, OptionSpec>>
  /** How many positional arguments it takes. */
  readonly positionals: { readonly min: number; readonly max: number }
  run(invocation: Invocation, context: Context): Promise<number | void>
}

/** A verb in the table of verbs: enough for the help, and the way to load the rest. */
export interface VerbEntry {
  /** `run`, or two words for a verb of a group: `lab run`. */
  readonly name: string
  readonly summary: string
  /** The embedded engine may work in this process. */
  readonly computes?: true
  load(): Promise<Command>
}

/** Every verb that can print JSON offers it under this name. */
export const jsonOption: OptionSpec = { help: 'print one JSON document on stdout' }
