/**
 * What the viewer's server and its page say to each other, and what a bundle holds: plain JSON.
 * Types only; knows neither.
 */
import type { Example, HealthReport, SkipReason, SuiteResult, TrainingStep } from '../../records/index.ts'
import type { Costs } from './costs.ts'
import type { ScoringMode } from './flips.ts'

/** `unknown` while a foreign machine's lock is being watched. */
export type RunState = 'running' | 'stopped' | 'done' | 'empty'

/** Between which numbers scores lie. */
export interface ScoreScale {
  readonly min: number
  readonly max: number
}

export interface RunCard {
  /** Names the run in addresses: its place in the list of folders. */
  readonly id: string
  readonly name: string
  readonly state: RunState
  /** Rounds that have a folder, ascending; 0 is what was there before the first. */
  readonly rounds: readonly number[]
  readonly plannedRounds: number | null
  readonly scale: ScoreScale
  /** Share of the files that is indexed, 0 to 1: what is shown of a large run grows until it is 1. */
  readonly indexed: number
}

/** What became of a question: a pair, or the reason why there is none. `unknown` while the round is being played. */
export type Outcome = 'paired' | SkipReason | 'unknown'

/** A question in the table. */
export interface ExampleRow {
  readonly round: number
  readonly documentId: string
  readonly questionIndex: number
  readonly task: string
  /** The first characters of the question; of the document where there is no question. */
  readonly title: string
  readonly status: Example['status']
  readonly outcome: Outcome
  /** Candidates' `index`; null without a pair. */
  readonly chosen: number | null
  readonly rejected: number | null
  readonly candidates: number
  readonly valid: number
  readonly scored: number
  /** Of the scored candidates, on the rubric's 0–2; null without any. */
  readonly mean: number | null
  readonly best: number | null
  readonly worst: number | null
  readonly std: number | null
  /** Score of the chosen minus the rejected; null without a pair. */
  readonly margin: number | null
  /** Mean words of the readable answers; null without any. */
  readonly words: number | null
  /** Words of the chosen answer minus the rejected; null without a pair. */
  readonly wordGap: number | null
  /** Comparisons of two answers that have a verdict in both orders, and those whose verdict flips with the order. */
  readonly compared: number
  readonly flips: number
  /** Why candidates have no score: reason → count. */
  readonly unscored: Readonly<Partial<Record<string, number>>>
}

export type Measure = 'mean' | 'best' | 'std' | 'margin' | 'words' | 'wordGap'
export type SortKey = Measure | 'order' | 'title' | 'status' | 'outcome' | 'valid' | 'scored' | 'flips'

/** Which questions to show. Absent means any. */
export interface ExampleQuery {
  readonly round?: number
  readonly task?: string
  readonly status?: string
  readonly outcome?: string
  /** Reason for which at least one candidate has no score. */
  readonly unscored?: string
  readonly tie?: boolean
  /** Whether a verdict of the question's judge flips with the order of the answers. */
  readonly flip?: boolean
  readonly text?: string
  /** Closed below, open above; the last bin of a histogram is closed on both sides. */
  readonly ranges?: Readonly<Partial<Record<Measure, Range>>>
  readonly sort?: SortKey
  readonly descending?: boolean
  readonly offset?: number
  readonly limit?: number
}

export interface Range {
  readonly from: number
  readonly to: number
}

export interface Histogram {
  readonly measure: Measure
  readonly from: number
  readonly to: number
  readonly bins: readonly number[]
}

/** Values that occur, with how many questions have them: the choices of a filter. */
export type Facet = Readonly<Record<string, number>>

export interface ExamplePage {
  readonly total: number
  /** Before any filter. */
  readonly all: number
  readonly offset: number
  readonly rows: readonly ExampleRow[]
  /** Each over the questions that pass every filter but its own. */
  readonly histograms: readonly Histogram[]
  readonly facets: {
    readonly round: Facet
    readonly task: Facet
    readonly status: Facet
    readonly outcome: Facet
    readonly unscored: Facet
  }
  readonly ties: number
  /** Questions with a verdict that flips. */
  readonly flips: number
}

/** A model call as the journal tells it. */
export interface CallRow {
  readonly key: string
  readonly stage: string
  readonly at: number
  readonly ms: number
  readonly model: string
  readonly samples: number
  readonly promptTokens: number
  readonly completionTokens: number
  /** Samples that were cut by the token limit. */
  readonly cut: number
}

export interface CallText {
  readonly row: CallRow
  /** Null where the run folder does not hold it and it could not be made again. */
  readonly prompt: readonly { readonly role: string; readonly content: string }[] | null
  readonly replies: readonly { readonly text: string; readonly finishReason: string }[]
}

export interface QuestionRef {
  readonly run: string
  readonly round: number
  readonly documentId: string
  readonly questionIndex: number
}

/** Candidates' `index`. */
export interface AnswerPair {
  readonly chosen: number
  readonly rejected: number
}

export interface QuestionPage {
  readonly row: ExampleRow
  readonly scale: ScoreScale
  /** Null where the configuration cannot be read. */
  readonly scoringMode: ScoringMode | null
  readonly example: Example
  /** The widest first; no answer is in two of them. */
  readonly pairs: readonly AnswerPair[]
  readonly calls: readonly CallText[]
  /** The same document's questions elsewhere: other rounds, other runs. */
  readonly elsewhere: readonly (QuestionRef & { readonly runName: string; readonly title: string })[]
}

/** How a stage's calls went. */
export interface StageCounts {
  readonly stage: string
  readonly calls: number
  readonly samples: number
  readonly cut: number
  readonly promptTokens: number
  readonly completionTokens: number
  /** Sum of the calls' durations, and the span from the first call's start to the last one's end; seconds. */
  readonly busySeconds: number
  readonly wallSeconds: number
}

export interface RoundOverview {
  readonly round: number
  readonly stages: readonly StageCounts[]
  readonly questions: number
  readonly plannedQuestions: number | null
  readonly statuses: Readonly<Partial<Record<string, number>>>
  readonly outcomes: Readonly<Partial<Record<string, number>>>
  readonly unscored: Readonly<Partial<Record<string, number>>>
  readonly invalid: number
  readonly candidates: number
  readonly scored: number
  readonly pairs: number | null
  readonly steps: readonly TrainingStep[]
  readonly evaluations: readonly Omit<SuiteResult, 'perQuestion'>[]
  /** The round's `health.json`; null where the run wrote none. */
  readonly health: HealthReport | null
}

/** Calls in flight over time, from when finished calls began and ended. */
export interface Timeline {
  /** Milliseconds since the epoch, and width of a bin. */
  readonly start: number
  readonly binMs: number
  readonly stages: readonly string[]
  /** Mean number in flight: [stage][bin]. */
  readonly inFlight: readonly (readonly number[])[]
  /** Completion tokens per second, by when their call ended. */
  readonly tokensPerSecond: readonly number[]
}

export interface Progress {
  readonly round: number
  readonly stage: string
  /** Calls of the round's self-play: done, and how many there will be at most. */
  readonly done: number
  readonly planned: number | null
  /** Over the last minute of the journal. */
  readonly callsPerSecond: number | null
  readonly tokensPerSecond: number | null
  /** For the stage that is running; null where it cannot be told. */
  readonly secondsLeft: number | null
}

export interface ConfigKey {
  readonly key: string
  readonly value: unknown
  /** Undefined where the key has no default. */
  readonly standard?: unknown
  readonly differs: boolean
}

export interface Overview {
  readonly card: RunCard
  readonly createdAt: number | null
  readonly seed: number | null
  readonly popVersion: string | null
  readonly corpus: { readonly documents: number; readonly skippedShort: number; readonly badRows: number } | null
  readonly stages: readonly { readonly round: number; readonly stage: string; readonly state: string }[]
  readonly rounds: readonly RoundOverview[]
  readonly timeline: Timeline | null
  readonly costs: Costs
  readonly progress: Progress | null
  readonly config: readonly ConfigKey[]
  /** What could not be read, in words for people. */
  readonly faults: readonly string[]
}

/** A held-out question of one policy: its score and its sampled answers. */
export interface HeldOutAnswer {
  readonly suite: string
  readonly id: string
  /** Hash of the question's words and rubric: where two differ, an id names two questions. Absent where the result keeps none. */
  readonly asked?: string
  readonly score: number | null
  readonly sampled: readonly string[]
  readonly greedy: string | null
}

/** One side of a comparison: a round of a run. */
export interface RoundSide {
  readonly run: string
  readonly runName: string
  readonly round: number
  readonly evaluations: readonly Omit<SuiteResult, 'perQuestion'>[]
  readonly heldOut: readonly HeldOutAnswer[]
  readonly scale: ScoreScale
  /** Scores and words of all scored self-play answers, thinned to at most some thousands. */
  readonly scores: readonly number[]
  readonly words: readonly number[]
  readonly criteria: readonly CriterionMean[]
}

/** A criterion by name over a round: how often it was rated and its mean rating (0–2). */
export interface CriterionMean {
  readonly name: string
  readonly rated: number
  readonly mean: number
}

export interface TrustPoint {
  readonly round: number
  /** Mean self-score of the round's scored answers, brought to 0–1, with its 95 % interval. */
  readonly self: { readonly mean: number; readonly low: number; readonly high: number; readonly n: number } | null
  /** Held-out results by suite and judge. */
  readonly judged: readonly {
    readonly suite: string
    readonly judge: string
    readonly mean: number
    readonly low: number
    readonly high: number
    readonly n: number
  }[]
  readonly judgeQuality: readonly {
    readonly suite: string
    readonly pairAccuracy: number
    readonly rankCorrelation: number
    readonly n: number
  }[]
  readonly meanAnswerWords: number | null
}
