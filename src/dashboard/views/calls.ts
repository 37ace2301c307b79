/** What a call of the journal is, told by its key. Pure. */

/** What is summed of a call. Times in milliseconds. */
export interface CallFacts {
  readonly key: string
  /** When it ended, since the epoch. */
  readonly at: number
  readonly ms: number
  readonly model: string
  readonly samples: number
  readonly promptTokens: number
  readonly completionTokens: number
  readonly cut: number
}

/** In the order of the work. */
export const stageOrder: readonly string[] = ['propose', 'solve', 'rubric', 'score', 'evaluate']

export interface CallPlace {
  readonly round: number
  readonly stage: string
}

/** The question that a key belongs to, `r1/<document>/q0`; null for a suite's. */
export function questionOf(key: string): string | null {
  return /^r\d+\/[^/]*\/q\d+(?=\/)/.exec(key)?.[0] ?? null
}

/** A question's call: its round, perhaps the word for a second rubric, its stage. */
const questionCall = /^r(\d+)\/[^/]*\/q\d+\/(?:second\/)?(propose|solve|rubric|score)(?:\/|$)/

/** Round and stage of a key: `r1/<document>/q0/score/c3` is `score`, whatever a suite asks is `evaluate`. */
export function placeOf(key: string): CallPlace {
  const [, round, stage] = questionCall.exec(key) ?? []
  if (round !== undefined && stage !== undefined) return { round: Number(round), stage }
  return { round: Number(/^r(\d+)\//.exec(key)?.[1] ?? 0), stage: 'evaluate' }
}
