/** How a query of the table is written in an address, and read from one. Pure; used on both sides of the wire. */
import type { ExampleQuery, Measure, Range, SortKey } from './wire.ts'

export const measures: readonly Measure[] = ['mean', 'best', 'std', 'margin', 'words', 'wordGap']
const sortKeys: readonly SortKey[] = [...measures, 'order', 'title', 'status', 'outcome', 'valid', 'scored', 'flips']
const texts = ['task', 'status', 'outcome', 'unscored', 'text'] as const
const numbers = ['round', 'offset', 'limit'] as const

/** Reads a query; what is not understood is left out. */
export function readQuery(parameters: ReadonlyMap<string, string>): ExampleQuery {
  const ranges = Object.fromEntries(measures.flatMap((measure) => rangeOf(parameters, measure)))
  const sort = sortKeys.find((key) => key === parameters.get('sort'))
  const [tie, flip] = [parameters.get('tie'), parameters.get('flip')]
  return {
    ...Object.fromEntries(texts.flatMap((name) => textOf(parameters, name))),
    ...Object.fromEntries(numbers.flatMap((name) => numberOf(parameters, name))),
    ...(tie !== undefined && { tie: tie === 'true' }),
    ...(flip !== undefined && { flip: flip === 'true' }),
    ...(Object.keys(ranges).length > 0 && { ranges }),
    ...(sort !== undefined && { sort }),
    ...(parameters.get('descending') === 'true' && { descending: true }),
  }
}

/** The query as parameters; what is absent is not written. */
export function writeQuery(query: ExampleQuery): Map<string, string> {
  const { ranges = {}, ...plain } = query
  const written = new Map<string, string>()
  for (const [name, value] of Object.entries(plain)) {
    if (value !== undefined && value !== '' && value !== false) written.set(name, String(value))
  }
  for (const name of ['tie', 'flip'] as const) if (query[name] === false) written.set(name, 'false')
  for (const [measure, { from, to }] of Object.entries(ranges) as [Measure, Range][]) {
    written.set(measure, `${from}..${to}`)
  }
  return written
}

function textOf(parameters: ReadonlyMap<string, string>, name: string): [string, string][] {
  const value = parameters.get(name)
  return value === undefined || value === '' ? [] : [[name, value]]
}

function numberOf(parameters: ReadonlyMap<string, string>, name: string): [string, number][] {
  const text = parameters.get(name)
  return text !== undefined && /^\d{1,9}$/.test(text) ? [[name, Number(text)]] : []
}

function rangeOf(parameters: ReadonlyMap<string, string>, measure: Measure): [Measure, Range][] {
  const [from, to] = (parameters.get(measure) ?? '').split('..').map(Number)
  const isRange = from !== undefined && to !== undefined && Number.isFinite(from) && Number.isFinite(to)
  return isRange ? [[measure, { from, to }]] : []
}
