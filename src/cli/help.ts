/** The texts of `-h`: examples first, then arguments and options. */
import type { Command, VerbEntry } from './command.ts'

const exitCodes = [
  '0 done, 1 failed, 2 wrong usage or configuration, 3 finished past a failure threshold,',
  '4 budget reached (resumable), 130 interrupted (state saved)',
]

/** `pop -h`: the verbs. */
export function overview(version: string, verbs: readonly VerbEntry[], examples: Command['examples']): string {
  return [
    `pop ${version}: rubric-based self-play on your own documents`,
    '',
    ...exampleLines(examples),
    '',
    'Commands',
    ...columns(verbs.map((verb) => [`pop ${verb.name}`, verb.summary])),
    '',
    'Every command explains itself: pop COMMAND -h',
    `Exit codes: ${exitCodes.join('\n            ')}`,
    '',
  ].join('\n')
}

/** `pop lab -h`: the verbs of a group. */
export function groupOverview(group: string, verbs: readonly VerbEntry[]): string {
  const lines = columns(verbs.map((verb) => [`pop ${verb.name}`, verb.summary]))
  return [`pop ${group}`, '', 'Commands', ...lines, ''].join('\n')
}

/** `pop VERB -h`. */
export function commandHelp(command: Command): string {
  const options = Object.entries(command.options).map(([name, option]): [string, string] => {
    const short = option.short === undefined ? '' : `-${option.short}, `
    const value = option.value === undefined ? '' : ` ${option.value}`
    return [`${short}--${name}${value}`, option.help]
  })
  return [
    `pop ${command.name}: ${command.summary}`,
    '',
    ...exampleLines(command.examples),
    '',
    'Usage',
    `  pop ${command.name} ${command.usage}`,
    '',
    'Options',
    ...columns([...options, ['-h, --help', 'this text']]),
    '',
  ].join('\n')
}

function exampleLines(examples: Command['examples']): string[] {
  return ['Examples', ...examples.flatMap(([line, what]) => [`  ${line}`, `      ${what}`])]
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
