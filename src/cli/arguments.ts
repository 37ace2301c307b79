/** Reads a verb's arguments with `node:util` parseArgs and turns every mistake into a UsageError with the way out. */
import { parseArgs } from 'node:util'
import { UsageError } from '../core/errors.ts'
import type { Command, Invocation } from './command.ts'
import { suggestion } from './nearest.ts'

/** Reads `args`, the words after the verb. Throws UsageError. */
export function readArguments(command: Command, args: readonly string[]): Invocation {
  const help = `see pop ${command.name} -h`
  const names = Object.keys(command.options)
  const { tokens } = parseArgs({ args: [...args], options: specs(command), strict: false, tokens: true })
  const switches = new Set<string>()
  const values = new Map<string, string>()
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const spec = command.options[token.name]
    if (spec === undefined) throw new UsageError(`unknown option ${token.rawName}${meant(token.name, names)}; ${help}`)
    if (spec.value === undefined) {
      if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value; ${help}`)
      switches.add(token.name)
    } else {
      if (token.value === undefined || (!token.inlineValue && /^-./.test(token.value) && !isNumber(token.value))) {
        throw new UsageError(`${token.rawName} needs a value: ${token.rawName} ${spec.value}; ${help}`)
      }
      values.set(token.name, token.value)
    }
  }
  checkCount(command, positionals)
  return {
    positionals,
    has: (option) => switches.has(option),
    text: (option) => values.get(option),
    number: (option, rule = {}) => readNumber(option, values.get(option), rule),
  }
}

function specs(command: Command): Record<string, { type: 'string' | 'boolean'; short?: string }> {
  return Object.fromEntries(
    Object.entries(command.options).map(([name, option]) => [
      name,
      {
        type: option.value === undefined ? ('boolean' as const) : ('string' as const),
        ...(option.short !== undefined && { short: option.short }),
      },
    ]),
  )
}

function meant(name: string, names: readonly string[]): string {
  return suggestion(
    `--${name}`,
    names.map((known) => `--${known}`),
  )
}

function checkCount(command: Command, positionals: readonly string[]): void {
  const { min, max } = command.positionals
  const usage = `usage: pop ${command.name} ${command.usage}`
  if (positionals.length < min) throw new UsageError(`missing argument; ${usage}`)
  if (positionals.length > max) throw new UsageError(`unexpected argument "${positionals[max] ?? ''}"; ${usage}`)
}

function isNumber(text: string): boolean {
  return text.trim() !== '' && Number.isFinite(Number(text))
}

function readNumber(
  option: string,
  text: string | undefined,
  rule: { integer?: boolean; min?: number },
): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  const fits =
    isNumber(text) && (rule.integer !== true || Number.isSafeInteger(value)) && value >= (rule.min ?? -Infinity)
  if (fits) return value
  const kind = rule.integer === true ? 'a whole number' : 'a number'
  const from = rule.min === undefined ? '' : ` of at least ${rule.min}`
  throw new UsageError(`--${option} must be ${kind}${from}, not "${text}"`)
}
