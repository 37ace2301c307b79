/** What a bundle holds of a run, and how its questions are named. Shared by the one who writes and the page that reads. */
import type { ExampleRow, Overview, QuestionRef, ScoreScale, TrustPoint } from './wire.ts'

export interface BundleFacts {
  readonly overview: Overview
  readonly trust: readonly TrustPoint[]
  /** Every question of the run. */
  readonly rows: readonly ExampleRow[]
  readonly scale: ScoreScale
  /** Questions whose texts are in the bundle, and the file of each by its name. */
  readonly included: number
  readonly chunks: Readonly<Record<string, string>>
}

/** As the Question page asks for it. */
export function questionName({ round, documentId, questionIndex }: Omit<QuestionRef, 'run'>): string {
  const parameters = { round: String(round), document: documentId, question: String(questionIndex) }
  return `question?${new URLSearchParams(parameters).toString()}`
}
