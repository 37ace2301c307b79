/** The terminal: where data and talk go, whether it is live, whether it has colours. stdout is data, stderr is talk. */
import { styleText } from 'node:util'

export interface Terminal {
  /** Writes data to stdout, as it is. Resolves when the stream took it. */
  write(text: string): Promise<void>
  /** Writes a line of talk to stderr. */
  say(text: string): void
  /** Writes raw text to stderr, for live displays. */
  control(text: string): void
  /** Is stderr a terminal that can be redrawn? */
  readonly live: boolean
  /** Columns of stderr. */
  columns(): number
  style(format: Style, text: string): string
  /** All of stdin as text; undefined when stdin is a terminal. */
  readInput(): Promise<string | undefined>
}

export type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan'

/** The real terminal. Colours need a terminal, and neither NO_COLOR nor TERM=dumb (no-color.org). */
export function processTerminal(environment: Readonly<Record<string, string | undefined>>): Terminal {
  const { stdin, stdout, stderr } = process
  const dumb = environment['TERM'] === 'dumb'
  const live = stderr.isTTY && !dumb
  const colors = live && (environment['NO_COLOR'] ?? '') === ''
  return {
    live,
    columns: () => stderr.columns ?? 80,
    write: (text) =>
      new Promise((resolve, reject) => {
        stdout.write(text, (error) => {
          if (error == null) resolve()
          else reject(error)
        })
      }),
    say: (text) => void stderr.write(`${text}\n`),
    control: (text) => void stderr.write(text),
    style: (format, text) => (colors ? styleText(format, text) : text),
    readInput: async () => {
      if (stdin.isTTY) return undefined
      const chunks: Buffer[] = []
      for await (const chunk of stdin) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks).toString('utf8')
    },
  }
}
