/** What a run came to, for whoever shows it. */
import type { Example, HealthReport, SkipReason, SuiteResult } from '../records/index.ts'

/** What a round came to. Round 0 is the model before the first round. */
export interface RoundSummary {
  readonly round: number
  readonly results: readonly SuiteResult[]
  readonly examples: Readonly<Partial<Record<Example['status'], number>>>
  readonly pairs: number
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>
  /** Null before the first round. */
  readonly health: HealthReport | null
  /** The weights after the round: those of the round before where it trained nothing, null while nothing was trained. */
  readonly checkpoint: string | null
}

export interface RunSummary {
  readonly runDir: string
  readonly rounds: readonly RoundSummary[]
  /** The last weights; null when nothing was trained. */
  readonly checkpoint: string | null
}
