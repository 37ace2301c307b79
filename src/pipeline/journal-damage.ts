/** Tells of lines of the journal that cannot be read. Damage in the middle of a line shows only when the line is wanted. */
import type { Journal } from '../store/index.ts'

/** What looks at the journal and notes damage that it has not noted before. */
export function damageNotes(journal: Pick<Journal, 'health'>, note: (text: string) => void): () => void {
  let noted = 0
  return () => {
    const { unreadable, firstUnreadable } = journal.health
    if (unreadable === noted) return
    noted = unreadable
    note(
      `${unreadable} lines of the journal cannot be read (the first: ${firstUnreadable}): what they held is made again`,
    )
  }
}
