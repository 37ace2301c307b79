/** What the held-out suite is made of. */
import type { Document, FrozenQuestion, LanguageModel, SuiteResult } from '../../records/index.ts'
import type { TaskProfile } from '../../roles/index.ts'

export interface HeldOutOptions {
  readonly task: TaskProfile
  readonly documents: readonly Document[]
  /** Writes questions and rubrics and scores the answers; stays the same over all rounds. */
  readonly judge: LanguageModel
  /** Scores the same answers by rubrics of its own, which it writes with the document. */
  readonly secondJudge?: LanguageModel | undefined
  /** Whether the judge writes its rubrics with the document, as in training. Default true. */
  readonly groundRubric?: boolean
  /** Sampled answers per question. */
  readonly samples: number
  readonly missingCriterion: 'unscored' | 'zero'
  /** Questions that were written before, for a policy from elsewhere; in place of new ones on `documents`. */
  readonly frozen?: readonly FrozenQuestion[] | undefined
  /** Whose answers a policy is held against. Default: round 0 of the same folder. */
  readonly base?: SuiteResult | undefined
  /** Ask so many of the questions: the first of a seeded shuffle, so that more contain fewer. */
  readonly limit?: number | undefined
}
