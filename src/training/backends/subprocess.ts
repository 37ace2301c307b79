/** Runs another program and hands on its lines. One of the few files that may start processes; it is given the program, never a shell's text. */
import { spawn } from 'node:child_process'
import { errorMessage } from '../../core/errors.ts'

export interface ProgramOptions {
  readonly command: string
  readonly args: readonly string[]
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly onLine?: (line: string) => void
  /** Aborting ends the program. */
  readonly signal?: AbortSignal | undefined
}

export interface ProgramResult {
  /** Null when it was ended by a signal, or could not be started. */
  readonly code: number | null
  /** The last lines of what it printed, or why it could not be started. */
  readonly tail: string
}

const TAIL_LINES = 40
/** Longer without a line end is cut into lines. */
const LONGEST_LINE = 1 << 16

/** Resolves when the program has ended, however it did. */
export function runProgram({ command, args, env, cwd, onLine, signal }: ProgramOptions): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const lines: string[] = []
    const take = (line: string): void => {
      lines.push(line)
      if (lines.length > TAIL_LINES) lines.shift()
      onLine?.(line)
    }
    const child = spawn(command, [...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    })
    const end = (): void => void child.kill('SIGTERM')
    signal?.addEventListener('abort', end, { once: true })
    for (const stream of [child.stdout, child.stderr]) splitLines(stream, take)
    const finish = (result: ProgramResult): void => {
      signal?.removeEventListener('abort', end)
      resolve(result)
    }
    child.on('error', (error) => finish({ code: null, tail: errorMessage(error) }))
    child.on('close', (code) => finish({ code, tail: lines.join('\n') }))
    if (signal?.aborted === true) end()
  })
}

/** Progress bars end their lines with a carriage return. */
function splitLines(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const parts = (rest + text).split(/\r\n|\n|\r/)
    rest = parts.pop() ?? ''
    if (rest.length > LONGEST_LINE) {
      parts.push(rest)
      rest = ''
    }
    for (const part of parts) if (part !== '') take(part)
  })
  stream.on('end', () => {
    if (rest !== '') take(rest)
  })
}
