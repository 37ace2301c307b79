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
  if (!looksWhole(line)) return null
  const cursor = new Cursor(line, start.length)
  const key = cursor.text()
  const inputs = cursor.skip('","inputs":"').text()
  cursor.skip('","at":').number()
  cursor.skip(',"ms":').number()
  const model = cursor.skip(',"model":"').text()
  cursor.skip('","generations":[{"text":"')
  const usage = cursor.lost ? null : sumUsage(line, cursor.at)
  return usage === null ? null : { key, inputs, call: { model, ...usage } }
}

function looksWhole(line: Buffer): boolean {
  if (line.length < start.length + end.length || line.includes(0)) return false
  return line.subarray(0, start.length).equals(start) && line.subarray(line.length - end.length).equals(end)
}

const usageStart = ',"usage":{"promptTokens":'

/** A quote inside a text is written with a backslash before it, so these bytes are never a part of one. */
function sumUsage(line: Buffer, from: number): Omit<CallCost, 'model'> | null {
  let [promptTokens, completionTokens] = [0, 0]
  let found = line.indexOf(usageStart, from)
  if (found < 0) return null
  for (; found >= 0; found = line.indexOf(usageStart, found + 1)) {
    const cursor = new Cursor(line, found + usageStart.length)
    promptTokens += cursor.number()
    completionTokens += cursor.skip(',"completionTokens":').number()
    if (cursor.skip('}').lost) return null
  }
  return { promptTokens, completionTokens }
}

/** Walks along a line; once something else stands there than was expected it is lost, and what it gives means nothing. */
class Cursor {
  private readonly line: Buffer
  at: number
  lost = false

  constructor(line: Buffer, at: number) {
    this.line = line
    this.at = at
  }

  /** Up to the closing quote, with nothing escaped in it. */
  text(): string {
    const close = this.line.indexOf(quote, this.at)
    if (close < 0 || this.line.subarray(this.at, close).includes(backslash)) this.lost = true
    if (this.lost) return ''
    const text = this.line.toString('utf8', this.at, close)
    this.at = close
    return text
  }

  /** A whole number, not negative. */
  number(): number {
    let value = 0
    const from = this.at
    for (; ; this.at++) {
      const digit = this.line[this.at]
      if (digit === undefined || digit < zero || digit > nine) break
      value = value * 10 + (digit - zero)
    }
    if (this.at === from || !Number.isSafeInteger(value)) this.lost = true
    return value
  }

  skip(literal: string): this {
    for (let i = 0; i < literal.length; i++) {
      if (this.line[this.at + i] !== literal.charCodeAt(i)) this.lost = true
    }
    this.at += literal.length
    return this
  }
}
