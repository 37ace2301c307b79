/**
 * Text operations with the meaning that Python gives them, where JavaScript's differ: white space, words, cases, line
 * ends. The official checkers are written in Python, and their verdicts hang on these. Pure, linear.
 */

/** Python's white space, for `str.strip` as for `\s`: U+001C–U+001F and U+0085 are, U+FEFF is not. */
export const SPACE = '[\\t\\n\\v\\f\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'
const SPACE_CHARACTER = new RegExp(SPACE)
const WORD_CHARACTER = /[\p{L}\p{N}_]/u

export function isSpace(character: string | undefined): boolean {
  return character !== undefined && SPACE_CHARACTER.test(character)
}

export function strip(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text[start])) start++
  while (end > start && isSpace(text[end - 1])) end--
  return text.slice(start, end)
}

/** `str.split` without arguments. */
export function splitSpace(text: string): string[] {
  return text.split(new RegExp(`${SPACE}+`)).filter((part) => part !== '')
}

/** Strips any of `characters` from both ends. */
export function stripOf(text: string, characters: string): string {
  let start = 0
  let end = text.length
  while (start < end && characters.includes(text[start] ?? ' ')) start++
  while (end > start && characters.includes(text[end - 1] ?? ' ')) end--
  return text.slice(start, end)
}

/** `re.findall(r"\w+", text)`: letters, numbers and underscores; marks are no word characters. */
export function words(text: string): string[] {
  return text.match(/[\p{L}\p{N}_]+/gu) ?? []
}

/** `str.isupper`: something has a case, and nothing is lower or title case. */
export function isUpper(text: string): boolean {
  return /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text)
}

/** `str.islower`. */
export function isLower(text: string): boolean {
  return /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text)
}

/**
 * Places where `literal` stands, without regard to case, non-overlapping. The official code takes keywords as regular
 * expressions; all of its data are plain words, and a keyword from a file is never run as a pattern here.
 */
export function countIgnoringCase(text: string, literal: string): number {
  if (literal === '') return text.length + 1
  return [...text.matchAll(new RegExp(escape(literal), 'giu'))].length
}

/** Whether `literal` stands in the text with a word boundary on both sides, without regard to case. */
export function hasWord(text: string, literal: string): boolean {
  for (const match of text.matchAll(new RegExp(`(?=(${escape(literal)}))`, 'giu'))) {
    const found = match[1] ?? ''
    const [before, after] = [codePointBefore(text, match.index), codePointAt(text, match.index + found.length)]
    const [first, last] = [codePointAt(found, 0), codePointBefore(found, found.length)]
    if (isWord(before) !== isWord(first) && isWord(last) !== isWord(after)) return true
  }
  return false
}

function isWord(character: string | undefined): boolean {
  return character !== undefined && WORD_CHARACTER.test(character)
}

function codePointAt(text: string, at: number): string | undefined {
  const point = text.codePointAt(at)
  return point === undefined ? undefined : String.fromCodePoint(point)
}

function codePointBefore(text: string, at: number): string | undefined {
  return at <= 0 ? undefined : Array.from(text.slice(Math.max(0, at - 2), at)).at(-1)
}

function escape(literal: string): string {
  return literal.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
