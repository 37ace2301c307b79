/** What a model says after its reasoning. Pure, linear. */
import type { Generation } from '../../records/index.ts'

/** What stands after a model's reasoning. */
export function afterReasoning(text: string): string {
  const thought = text.lastIndexOf('</think>')
  return thought < 0 ? text : text.slice(thought + '</think>'.length)
}

/** A judge's reply after its reasoning; null for one that was cut off, which may end before its verdict. */
export function finalReply({ text, finishReason }: Generation): string | null {
  return finishReason === 'length' ? null : afterReasoning(text)
}
