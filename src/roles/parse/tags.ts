/**
 * The content of a tag pair in a reply. All searches are linear in the length of the reply, whatever it holds.
 * Knows no role and no JSON.
 */
import type { ParseFailure } from '../../records/index.ts'
import type { ParseOptions, Repair } from './options.ts'

export type TagContent =
  | { readonly ok: true; readonly content: string; readonly closed: boolean; readonly repairs: readonly Repair[] }
  | { readonly ok: false; readonly reason: ParseFailure }

const REASONING_END = '</think>'
const REASONING_START = /^\s*<think(?:ing)?>/i
const REASONING_END_SPELLINGS = /<\/think(?:ing)?>/gi

/** The trimmed content of the one pair `<tag>…</tag>` after the last `</think>`: shortest match, case-sensitive. */
export function publishedTag(text: string, tag: string, options: ParseOptions): TagContent {
  const reply = text.slice(afterLast(text, REASONING_END))
  const contents = pairContents(reply, `<${tag}>`, `</${tag}>`)
  const only = contents[0]
  if (only === undefined) return { ok: false, reason: missing(reply.includes(`<${tag}>`), options) }
  if (contents.length > 1) return { ok: false, reason: 'repeatedTag' }
  const content = only.trim()
  if (isPlaceholder(content)) return { ok: false, reason: 'empty' }
  return { ok: true, content, closed: true, repairs: [] }
}

/**
 * The same with other spellings of the tag; a pair that holds a placeholder beside one that does not, or the same
 * content twice, is one pair. Two different contents stay `repeatedTag`: choosing one would be inventing a verdict.
 * With `unclosed: 'accept'`, the rest of a reply that opens the tag and never closes it is given with `closed: false`.
 */
export function lenientTag(
  text: string,
  tag: string,
  options: ParseOptions,
  unclosed: 'accept' | 'reject',
): TagContent {
  const reply = withoutReasoning(text)
  const { contents, rest, exact, nested } = scanPairs(reply, tag)
  if (nested) return { ok: false, reason: 'repeatedTag' }
  const spelling: Repair[] = exact ? [] : ['tagSpelling']
  const filled = contents.map((content) => content.trim()).filter((content) => !isPlaceholder(content))
  const [only, ...others] = new Set(filled)
  if (others.length > 0) return { ok: false, reason: 'repeatedTag' }
  if (only !== undefined) {
    const repairs: Repair[] = contents.length > 1 ? [...spelling, 'repeatedTag'] : spelling
    return { ok: true, content: only, closed: true, repairs }
  }
  if (contents.length > 0) return { ok: false, reason: 'empty' }
  if (rest === undefined || unclosed === 'reject') return { ok: false, reason: missing(rest !== undefined, options) }
  return { ok: true, content: rest.trim(), closed: false, repairs: [...spelling, 'unclosedTag'] }
}

/** The reply opens with its reasoning and never leaves it: what it holds are drafts. */
export function isUnfinishedReasoning(text: string): boolean {
  return REASONING_START.test(text) && text.search(REASONING_END_SPELLINGS) < 0
}

/** What follows the reasoning, with the spellings of its end tag that the lenient dialect knows. */
export function withoutReasoning(text: string): string {
  let from = 0
  for (const match of text.matchAll(REASONING_END_SPELLINGS)) from = match.index + match[0].length
  return text.slice(from)
}

function afterLast(text: string, needle: string): number {
  const at = text.lastIndexOf(needle)
  return at < 0 ? 0 : at + needle.length
}

function pairContents(text: string, open: string, close: string): string[] {
  const contents: string[] = []
  let from = text.indexOf(open)
  while (from >= 0) {
    const start = from + open.length
    const end = text.indexOf(close, start)
    if (end < 0) break
    contents.push(text.slice(start, end))
    from = text.indexOf(open, end + close.length)
  }
  return contents
}

interface TagScan {
  readonly contents: string[]
  /** What follows an opening tag that nothing closes. */
  readonly rest: string | undefined
  /** Every tag is spelled as published. */
  readonly exact: boolean
  /** Pairs lie inside one another: the reply quotes a reply, and nothing tells which of the two speaks. */
  readonly nested: boolean
}

/** Pairs each closing tag with the nearest opening one before it. An opening tag merely mentioned in a sentence is no nesting. */
function scanPairs(text: string, tag: string): TagScan {
  const contents: string[] = []
  let start: number | undefined
  let exact = true
  let nested = false
  for (const match of text.matchAll(new RegExp(`<([\\\\/]{0,2})${tag}\\s{0,8}>`, 'gi'))) {
    const isClose = match[1] !== ''
    if (match[0] !== (isClose ? `</${tag}>` : `<${tag}>`)) exact = false
    const before = start === undefined ? undefined : text.slice(start, match.index)
    if (isClose) {
      if (before === undefined) nested ||= contents.length > 0
      else contents.push(before)
      start = undefined
    } else {
      nested ||= before !== undefined && /[[{]/.test(before)
      start = match.index + match[0].length
    }
  }
  return { contents, rest: start === undefined ? undefined : text.slice(start), exact, nested }
}

function isPlaceholder(content: string): boolean {
  return content === '' || content === '...'
}

function missing(opened: boolean, options: ParseOptions): ParseFailure {
  return (options.truncated ?? opened) ? 'truncated' : 'noTag'
}
