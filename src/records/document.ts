import { z } from 'zod'

/** A piece of the corpus: what the proposer and the rubric writer read, and the solver does not. */
export const documentSchema = z.strictObject({
  /** Hash of the text as read, before it was cut: the document's identity in keys. */
  id: z.string(),
  text: z.string(),
  /** Where it came from, for people: file and line or row. */
  source: z.string(),
})
export type Document = z.infer<typeof documentSchema>
