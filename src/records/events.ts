/** What a run says while it works. Library code emits events; the command line shows them. */
import type { HealthReport } from './health.ts'
import type { StageName } from './journal.ts'
import type { SuiteResult, TrainingStep } from './metric.ts'

/** The stages of a run as people see them: those of the journal, and the ones without model calls. */
export type RunStage = StageName | 'corpus' | 'synthesis' | 'pairing' | 'report'

export type RunEvent =
  /** A stage begins or ends. `total` counts its items, where that is known. */
  | {
      readonly type: 'stage'
      readonly round: number
      readonly stage: RunStage
      readonly state: 'started' | 'finished'
      readonly total?: number
      /** What a finished stage came to, in a few words for people: `412 pairs, 100 skipped`. */
      readonly summary?: string
    }
  /** Where a stage is. Token counts are sums since the stage started, in this process. */
  | {
      readonly type: 'progress'
      readonly round: number
      readonly stage: RunStage
      readonly done: number
      readonly inFlight: number
      readonly failed: number
      readonly total: number
      readonly promptTokens: number
      readonly completionTokens: number
    }
  /** An optimizer step was taken; `total` is the number of steps of the round. */
  | { readonly type: 'step'; readonly round: number; readonly step: TrainingStep; readonly total: number }
  /** A suite was evaluated. */
  | { readonly type: 'evaluation'; readonly result: SuiteResult }
  /** The signal of a round was measured: before it is trained, online after it. */
  | { readonly type: 'health'; readonly report: HealthReport }
  /** Something worth a line: a warning, a decision, a path. */
  | { readonly type: 'note'; readonly text: string }

export type OnRunEvent = (event: RunEvent) => void
