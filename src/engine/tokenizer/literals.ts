/**
 * Keeps untrusted text from becoming prompt structure: a document that contains the text of a special token
 * (`<|im_end|>`) must not end the user's turn. Such text is swapped for a marker before the template is applied and
 * comes back as ordinary characters when the text is encoded.
 */
import type { ChatMessage } from './chat-template.ts'

/** A Unicode noncharacter, which no text is meant to carry; where it does occur it is treated as a literal as well. */
const MARK = '\uFDD0'
const MARKER = /\uFDD0(\d+)\uFDD0/

export interface GuardedMessages {
  messages: ChatMessage[]
  /** What the markers stand for, by number. */
  literals: string[]
}

/** Swaps every special token's text in the messages' contents for a marker. */
export function guardMessages(messages: readonly ChatMessage[], specialTexts: readonly string[]): GuardedMessages {
  const literals: string[] = []
  const pattern = new RegExp([...specialTexts, MARK].map(escapeRegExp).join('|'), 'g')
  const guarded = messages.map(({ role, content }) => ({
    role,
    content: content.replace(pattern, (text) => `${MARK}${literals.push(text) - 1}${MARK}`),
  }))
  return { messages: guarded, literals }
}

/**
 * Splits rendered text into pieces that can be encoded one by one. A literal is cut in the middle, so that no piece is
 * the whole special token. Text without markers is one piece.
 */
export function encodablePieces(rendered: string, literals: readonly string[]): string[] {
  if (literals.length === 0) return [rendered]
  const pieces: string[] = []
  let carried = ''
  for (const [i, part] of rendered.split(MARKER).entries()) {
    if (i % 2 === 0) {
      carried += part
      continue
    }
    const literal = literals[Number(part)] ?? ''
    const half = literal.length >>> 1
    pieces.push(carried + literal.slice(0, half))
    carried = literal.slice(half)
  }
  return [...pieces, carried]
}

/** Puts the literals back, for showing the text. */
export function restoreLiterals(rendered: string, literals: readonly string[]): string {
  return encodablePieces(rendered, literals).join('')
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
