/** Counts of the markup that IFEval asks for: bullets, highlights, placeholders, sections, paragraphs, titles. Pure, linear. */
import { isSpace, SPACE, strip, stripOf } from './python-text.ts'

/** `[…]` on one line, shortest, non-overlapping. */
export function placeholders(text: string): number {
  let count = 0
  for (const line of text.split('\n')) {
    let at = line.indexOf('[')
    while (at >= 0) {
      const end = line.indexOf(']', at)
      if (end < 0) break
      count++
      at = line.indexOf('[', end + 1)
    }
  }
  return count
}

/** Lines that begin with `*` (but not `**`) or with `-`, after any white space. */
export function bullets(text: string): number {
  return markedLines(text, '*') + markedLines(text, '-')
}

/** White space may span lines before the mark; after `*` one character other than `*` has to follow, a line end included. */
function markedLines(text: string, mark: '*' | '-'): number {
  let count = 0
  let at = 0
  while (at < text.length) {
    let from = at
    while (from < text.length && isSpace(text[from])) from++
    const next = text[from + 1]
    const hit = text[from] === mark && (mark === '-' || (next !== undefined && next !== '*'))
    if (hit) count++
    const end = text.indexOf('\n', hit && mark === '*' ? from + 2 : from)
    if (end < 0) break
    at = end + 1
  }
  return count
}

/** `*…*` and `**…**` with something between, each counted as the official checker counts them. */
export function highlights(text: string): number {
  const single = text.match(/\*[^\n*]*\*/g) ?? []
  const double = text.match(/\*\*[^\n*]*\*\*/g) ?? []
  return (
    single.filter((part) => strip(stripOf(part, '*')) !== '').length +
    double.filter((part) => strip(part.slice(2, -2)) !== '').length
  )
}

const NUMBER_NEXT = new RegExp(`^${SPACE}?\\p{Nd}+`, 'u')
const DIVIDER = new RegExp(String.raw`${SPACE}?\*\*\*${SPACE}?`, 'u')

/** Occurrences of the splitter followed by a number, as in `Section 3`. */
export function sections(text: string, splitter: string): number {
  if (splitter === '') return 0
  let count = 0
  let at = text.indexOf(splitter)
  while (at >= 0) {
    const after = at + splitter.length
    const digits = NUMBER_NEXT.exec(text.slice(after, after + 64))
    if (digits !== null) count++
    at = text.indexOf(splitter, after)
  }
  return count
}

/** Parts between `***`, white space of one character on each side belonging to it. */
export function dividedParagraphs(text: string): string[] {
  return text.split(DIVIDER)
}

/** `<<…>>` on one line with something else than brackets and white space inside. */
export function hasTitle(text: string): boolean {
  return text.split('\n').some((line) => {
    const open = line.indexOf('<<')
    const close = line.lastIndexOf('>>')
    if (open < 0 || close < open + 3) return false
    const title = line.slice(open, close + 2).replace(/^<+/, '')
    return strip(title.slice(0, title.length - trailing(title, '>'))) !== ''
  })
}

function trailing(text: string, character: string): number {
  let count = 0
  while (count < text.length && text[text.length - 1 - count] === character) count++
  return count
}
