/** A terminal and a clock that remember, for tests of the command line. */
import type { Clock } from '../../core/clock.ts'
import type { Context } from '../command.ts'

export interface FakeContext extends Context {
  /** What went to stdout and to stderr so far. */
  readonly output: { stdout: string; stderr: string }
  /** Lets time pass. */
  advance(ms: number): void
  readonly controller: AbortController
}

export function fakeContext(options: { live?: boolean; stdin?: string; columns?: number } = {}): FakeContext {
  const output = { stdout: '', stderr: '' }
  const controller = new AbortController()
  let time = 0
  const clock: Clock = {
    now: () => time,
    monotonic: () => time,
    sleep: async (ms) => {
      time += ms
      await Promise.resolve()
    },
  }
  return {
    output,
    controller,
    clock,
    signal: controller.signal,
    environment: {},
    advance: (ms) => {
      time += ms
    },
    terminal: {
      live: options.live ?? false,
      columns: () => options.columns ?? 80,
      write: async (text) => {
        output.stdout += text
        await Promise.resolve()
      },
      say: (text) => {
        output.stderr += `${text}\n`
      },
      control: (text) => {
        output.stderr += text
      },
      style: (_format, text) => text,
      readInput: () => Promise.resolve(options.stdin),
    },
  }
}
