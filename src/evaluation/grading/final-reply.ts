/** What a judge says after its reasoning. Pure, linear. */
import type { Generation } from '../../records/index.ts'
import { withoutReasoning } from '../../roles/index.ts'

/** A judge's reply after its reasoning; null for one that was cut off, which may end before its verdict. */
export function finalReply({ text, finishReason }: Generation): string | null {
  return finishReason === 'length' ? null : withoutReasoning(text)
}
