/** Where a chat template ends the assistant's turn. Knows no tokenizer. */
import type { ChatTemplate } from './chat-template.ts'

const MARKER = 'endofturnprobe'

/** The text behind an assistant's answer; empty when the template puts none there, or refuses so plain a conversation. */
export function endOfTurnText(template: ChatTemplate): string {
  try {
    const rendered = template.render([
      { role: 'user', content: 'hello' },
      { role: 'assistant', content: MARKER },
    ])
    return rendered.slice(rendered.lastIndexOf(MARKER) + MARKER.length).trimStart()
  } catch {
    // What it refuses is told when a real conversation is encoded.
    return ''
  }
}
