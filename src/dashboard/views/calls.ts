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

const selfPlayStages: readonly string[] = ['propose', 'solve', 'rubric', 'score']
/** In the order of the work. */
export const stageOrder: readonly string[] = [...selfPlayStages, 'evaluate']

/** Round and stage of a key: `r1/<document>/q0/score/c3` is `score`, whatever a suite asks is `evaluate`. */
export function placeOf(key: string): { round: number; stage: string } {
  const parts = key.split('/')
  const round = /^r(\d+)$/.exec(parts[0] ?? '')?.[1]
  const isQuestion = /^q\d+$/.test(parts[2] ?? '')
  // What a second rubric asked is told apart by a word more.
  const stage = (parts[3] === 'second' ? parts[4] : parts[3]) ?? ''
  return {
    round: round === undefined ? 0 : Number(round),
    stage: round !== undefined && isQuestion && selfPlayStages.includes(stage) ? stage : 'evaluate',
  }
}
