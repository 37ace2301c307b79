/**
 * A line of the journal as the viewer sees it: what the call was, when, and what it cost; not its texts.
 * Reads the head of the line and looks for the token counts, because parsing a gigabyte of texts takes minutes of a
 * reader's life. A line that does not look as expected is parsed in full.
 */
import { parseJson } from '../../core/json.ts'
import { journalEntrySchema, type JournalCall } from '../../records/index.ts'
import type { CallFacts } from '../views/calls.ts'

const longestHead = 2048
const start = '{"v":1,"kind":"call","key":"'
/** What stands between the fields, in the order in which the journal writes them. */
const marks = ['","inputs":"', '","at":', ',"ms":', ',"model":"', '","generations":['] as const
// In a text these would have their quotes escaped, so they are found in the structure of the line only.
const usage = Buffer.from('"usage":{"promptTokens":')
const completion = '"completionTokens":'
const cut = '"finishReason":"length",'

/** Null for what is no finished call: a decision, or a line that cannot be read. */
export function journalCall(line: Buffer): CallFacts | null {
  const fields = headOf(line)
  if (fields === null) return slowCall(line)
  const [key = '', , at, ms, model = ''] = fields.values
  const counts = usages(line, fields.length)
  if (counts === null || !isNumber(at) || !isNumber(ms)) return slowCall(line)
  return { key, at: Number(at), ms: Number(ms), model, ...counts }
}

/** The fields before the texts, as they stand; null where one needs unescaping or they come in another order. */
function headOf(line: Buffer): { values: string[]; length: number } | null {
  const head = line.toString('latin1', 0, Math.min(longestHead, line.length))
  if (!head.startsWith(start)) return null
  const values: string[] = []
  let from = start.length
  for (const mark of marks) {
    const end = head.indexOf(mark, from)
    if (end < 0) return null
    const value = head.slice(from, end)
    if (hasSpecial(value)) return null
    values.push(value)
    from = end + mark.length
  }
  return { values, length: from }
}

/** A quote would mean that the mark was found further on; a backslash or a letter beyond ASCII wants the real parser. */
function hasSpecial(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code === 0x22 || code === 0x5c || code > 0x7e) return true
  }
  return false
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^-?\d[\d.eE+-]*$/.test(text)
}

type Counts = Pick<CallFacts, 'samples' | 'promptTokens' | 'completionTokens' | 'cut'>

function usages(line: Buffer, from: number): Counts | null {
  const counts = { samples: 0, promptTokens: 0, completionTokens: 0, cut: 0 }
  for (let at = line.indexOf(usage, from); at >= 0; at = line.indexOf(usage, at + usage.length)) {
    const numbers = line.toString('latin1', at + usage.length, at + usage.length + 60)
    const comma = numbers.indexOf(',')
    const second = comma + 1 + completion.length
    if (comma < 0 || !numbers.startsWith(completion, comma + 1)) return null
    counts.samples++
    // It stands right before the usage.
    if (line.toString('latin1', at - cut.length, at) === cut) counts.cut++
    counts.promptTokens += Number.parseInt(numbers, 10)
    counts.completionTokens += Number.parseInt(numbers.slice(second), 10)
  }
  if (Number.isNaN(counts.promptTokens + counts.completionTokens)) return null
  return counts
}

function slowCall(line: Buffer): CallFacts | null {
  const entry = readCall(line.toString('utf8'))
  if (entry === null) return null
  const { key, at, ms, model, generations } = entry
  const sum = (pick: (generation: (typeof generations)[number]) => number): number =>
    generations.reduce((total, generation) => total + pick(generation), 0)
  return {
    key,
    at,
    ms,
    model,
    samples: generations.length,
    promptTokens: sum(({ usage: { promptTokens } }) => promptTokens),
    completionTokens: sum(({ usage: { completionTokens } }) => completionTokens),
    cut: sum(({ finishReason }) => (finishReason === 'length' ? 1 : 0)),
  }
}

/** The whole call with its texts; null for what is none. */
export function readCall(line: string): JournalCall | null {
  const json = parseJson(line)
  const entry = journalEntrySchema.safeParse(json.ok ? json.value : null)
  return entry.success && entry.data.kind === 'call' ? entry.data : null
}
