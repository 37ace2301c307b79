/**
 * What the index needs of a call's line, without parsing the line: a journal of gigabytes is opened in seconds. Only the form
 * that `JSON.stringify` gives an entry is known here; every other line is parsed whole. Knows bytes, and no stage.
 */
import { parseJson } from '../core/json.ts'
import { journalEntrySchema, type JournalEntry } from '../records/index.ts'

/** The indexed part of an entry. */
export interface EntryHead {
  readonly key: string
  readonly inputs: string
  /** Null for a decision. */
  readonly call: CallCost | null
}

export interface CallCost {
  /** When it ended, milliseconds since the epoch, and how long it took. */
  readonly at: number
  readonly ms: number
  readonly model: string
  readonly samples: number
  /** Samples that met the token limit. */
  readonly cut: number
  readonly promptTokens: number
  readonly completionTokens: number
}

export function headOf(entry: JournalEntry): EntryHead {
  const { key, inputs } = entry
  if (entry.kind === 'decision') return { key, inputs, call: null }
  const { at, ms, model, generations } = entry
  const sums = { samples: generations.length, cut: 0, promptTokens: 0, completionTokens: 0 }
  for (const { usage, finishReason } of generations) {
    if (finishReason === 'length') sums.cut++
    sums.promptTokens += usage.promptTokens
    sums.completionTokens += usage.completionTokens
  }
  return { key, inputs, call: { at, ms, model, ...sums } }
}

/** The entry that a line holds; null where it holds none. */
export function parseEntry(text: string): JournalEntry | null {
  const json = parseJson(text)
  if (!json.ok) return null
  const entry = journalEntrySchema.safeParse(json.value)
  return entry.success ? entry.data : null
}

/** The head of a whole line, parsed where a glance does not tell; null where it holds no entry. */
export function headOfLine(line: Buffer): EntryHead | null {
  const glanced = readHead(line)
  if (glanced !== null) return glanced
  const entry = parseEntry(line.toString('utf8'))
  return entry === null ? null : headOf(entry)
}

const start = Buffer.from('{"v":1,"kind":"call","key":"')
/** After the last sample's usage, or after the ids or numbers that follow it. */
const ends = [Buffer.from('}}]}'), Buffer.from(']}]}')]
const endLength = 4
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
  const at = cursor.skip('","at":').number()
  const ms = cursor.skip(',"ms":').number()
  const model = cursor.skip(',"model":"').text()
  cursor.skip('","generations":[{"text":"')
  const usage = cursor.lost ? null : sumUsage(line, cursor.at)
  return usage === null ? null : { key, inputs, call: { at, ms, model, ...usage } }
}

function looksWhole(line: Buffer): boolean {
  if (line.length < start.length + endLength || line.includes(0)) return false
  const last = line.subarray(line.length - endLength)
  return line.subarray(0, start.length).equals(start) && ends.some((end) => last.equals(end))
}

const usageStart = ',"usage":{"promptTokens":'
/** It stands right before the usage. */
const cutOff = Buffer.from('"finishReason":"length"')

/** A quote inside a text is written with a backslash before it, so these bytes are never a part of one. */
function sumUsage(line: Buffer, from: number): Omit<CallCost, 'at' | 'ms' | 'model'> | null {
  const sums = { samples: 0, cut: 0, promptTokens: 0, completionTokens: 0 }
  let found = line.indexOf(usageStart, from)
  if (found < 0) return null
  for (; found >= 0; found = line.indexOf(usageStart, found + 1)) {
    const cursor = new Cursor(line, found + usageStart.length)
    sums.samples++
    if (line.subarray(found - cutOff.length, found).equals(cutOff)) sums.cut++
    sums.promptTokens += cursor.number()
    sums.completionTokens += cursor.skip(',"completionTokens":').number()
    if (cursor.skip('}').lost) return null
  }
  return sums
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
