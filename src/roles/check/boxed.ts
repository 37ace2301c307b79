/**
 * The programmatic check of tasks with one final answer: what stands in the last `\boxed{…}` of an answer, held against the
 * reference's. A finding for the records, never a score. Knows no model.
 */
import type { AnswerCheck } from '../../records/index.ts'
import { sameAnswer } from './same-answer.ts'

const BOX = /\\(?:boxed|fbox)\s{0,8}\{/y

/** The trimmed content of the last box that closes; null when there is none, or nothing in it. Linear in the length of the text. */
export function boxedAnswer(text: string): string | null {
  let last: string | null = null
  // Where each open group's content starts; -1 for a group that is no box.
  const open: number[] = []
  let at = 0
  while (at < text.length) {
    const start = at
    at = afterToken(text, at)
    if (text[start] === '}') {
      const content = open.pop() ?? -1
      if (content >= 0) last = text.slice(content, start).trim()
    } else if (text[start] === '{') open.push(-1)
    else if (at > start + 2) open.push(at)
  }
  return last === '' ? null : last
}

/** The end of what starts at `at`: one character, two after a backslash (`\\` is a line break, `\{` no brace), or the whole opening of a box. */
function afterToken(text: string, at: number): number {
  if (text[at] !== '\\') return at + 1
  BOX.lastIndex = at
  return BOX.test(text) ? BOX.lastIndex : at + 2
}

/** Pure: the same two texts always give the same finding. */
export function checkBoxed(answer: string, referenceAnswer: string): AnswerCheck {
  const found = boxedAnswer(answer)
  const wanted = boxedAnswer(referenceAnswer)
  if (wanted === null) return { type: 'boxed', outcome: 'noReference', found }
  if (found === null) return { type: 'boxed', outcome: 'noAnswer', found }
  return { type: 'boxed', outcome: sameAnswer(found, wanted) ? 'match' : 'mismatch', found }
}
