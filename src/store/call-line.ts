/**
 * What the index needs of a call's line, without parsing the line: a journal of gigabytes is opened in seconds. Only the form
 * that `JSON.stringify` gives an entry is known here; every other line is parsed whole. Knows bytes, and no stage.
 */
import type { JournalEntry } from '../records/index.ts'

/** The indexed part of an entry. */
export interface EntryHead {
  readonly key: string
  readonly inputs: string
  /** Null for a decision. */
  readonly call: CallCost | null
}

export interface CallCost {
  readonly model: string
  readonly promptTokens: number
  readonly completionTokens: number
}

export function headOf(entry: JournalEntry): EntryHead {
  const { key, inputs } = entry
  if (entry.kind === 'decision') return { key, inputs, call: null }
  let [promptTokens, completionTokens] = [0, 0]
  for (const { usage } of entry.generations) {
    promptTokens += usage.promptTokens
    completionTokens += usage.completionTokens
  }
  return { key, inputs, call: { model: entry.model, promptTokens, completionTokens } }
}

const start = Buffer.from('{"v":1,"kind":"call","key":"')
const end = Buffer.from('}}]}')
const quote = 0x22
const backslash = 0x5c
const zero = 0x30
const nine = 0x39

/**
 * The head of a whole line, or null where it is not certain: then it is to be parsed. A damage in the middle of a text goes
 * unseen here and shows when the entry is read.
 */
export function readHead(line: Buffer): EntryHead | null {
  if (line.length < start.length + end.length || line.includes(0)) return null
  if (line.compare(start, 0, start.length, 0, start.length) !== 0) return null
  if (line.compare(end, 0, end.length, line.length - end.length) !== 0) return null
  const cursor = new Cursor(line, start.length)
  const key = cursor.text()
  const inputs = cursor.after('","inputs":"') ? cursor.text() : null
  if (key === null || inputs === null || !cursor.after('","at":') || cursor.number() === null) return null
  if (!cursor.after(',"ms":') || cursor.number() === null || !cursor.after(',"model":"')) return null
  const model = cursor.text()
  if (model === null || !cursor.after('","generations":[{"text":"')) return null
  const usage = sumUsage(line, cursor.at)
  return usage === null ? null : { key, inputs, call: { model, ...usage } }
}

const usageStart = ',"usage":{"promptTokens":'

/** A quote inside a text is written with a backslash before it, so these bytes are never a part of one. */
function sumUsage(line: Buffer, from: number): Omit<CallCost, 'model'> | null {
  let [promptTokens, completionTokens] = [0, 0]
  let found = line.indexOf(usageStart, from)
  if (found < 0) return null
  for (; found >= 0; found = line.indexOf(usageStart, found + 1)) {
    const cursor = new Cursor(line, found + usageStart.length)
    const prompt = cursor.number()
    const completion = cursor.after(',"completionTokens":') ? cursor.number() : null
    if (prompt === null || completion === null || !cursor.after('}')) return null
    promptTokens += prompt
    completionTokens += completion
  }
  return { promptTokens, completionTokens }
}

class Cursor {
  private readonly line: Buffer
  at: number

  constructor(line: Buffer, at: number) {
    this.line = line
    this.at = at
  }

  /** Up to the closing quote; null when something in it is escaped. */
  text(): string | null {
    const close = this.line.indexOf(quote, this.at)
    if (close < 0) return null
    const text = this.line.toString('utf8', this.at, close)
    if (this.line.subarray(this.at, close).includes(backslash)) return null
    this.at = close
    return text
  }

  /** A whole number, not negative; null for any other. */
  number(): number | null {
    let value = 0
    const from = this.at
    for (; ; this.at++) {
      const digit = this.line[this.at]
      if (digit === undefined || digit < zero || digit > nine) break
      value = value * 10 + (digit - zero)
    }
    return this.at > from && Number.isSafeInteger(value) ? value : null
  }

  after(literal: string): boolean {
    for (let i = 0; i < literal.length; i++) {
      if (this.line[this.at + i] !== literal.charCodeAt(i)) return false
    }
    this.at += literal.length
    return true
  }
}
