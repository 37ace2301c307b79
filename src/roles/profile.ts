/**
 * The contract between a task and whoever plays it: for each role the messages to send, how to sample, and how to read
 * the reply. A task is data behind this shape; other tasks and scoring modes plug in here. Knows no model and no run.
 */
import type {
  AnswerCheck,
  ChatMessage,
  Criterion,
  Evaluation,
  ParseResult,
  ResponseFormat,
  Rubric,
} from '../records/index.ts'
import type { Proposal } from './parse/answer.ts'
import type { AnchoredRatings, Verdict } from './parse/verdict.ts'

/** How a role is sampled. `maxTokens` counts completion tokens; `attempts` counts tries in all, the first included. */
export interface RoleSampling {
  readonly temperature: number
  readonly topP: number
  readonly maxTokens: number
  readonly attempts: number
}

/** What the caller knows of a reply beyond its text. `truncated`: it was cut by the token limit. */
export interface ReplyFacts {
  readonly truncated: boolean
}

export interface RoleProfile<Input, Output> {
  readonly sampling: RoleSampling
  messages(input: Input): ChatMessage[]
  /** Never throws. */
  parse(text: string, facts: ReplyFacts): ParseResult<Output>
  /** Hash of the template (not of what fills it): part of the key of every stage that used it. */
  readonly promptHash: string
  /** The same reply as JSON by a schema; absent: this role's replies are tagged everywhere. */
  readonly structured?: StructuredForm<Input, Output>
}

/** A role's reply as JSON, for servers that hold a model to a schema. */
export interface StructuredForm<Input, Output> {
  format(input: Input): ResponseFormat
  /** The role's messages with a word on the JSON form at the end. */
  messages(input: Input): ChatMessage[]
  /** Never throws. */
  parse(text: string, facts: ReplyFacts, input: Input): ParseResult<Output>
}

/** `document: null` everywhere means ungrounded: the role has to do without. */
export interface ProposerInput {
  readonly document: string | null
}

export interface SolverInput {
  readonly problem: string
}

export interface RubricWriterInput {
  readonly document: string | null
  readonly problem: string
  readonly referenceAnswer: string
  /** What `rubricCandidates` left of the valid answers. */
  readonly candidates: readonly string[]
}

export interface ScorerInput {
  readonly problem: string
  readonly rubric: Rubric
  readonly answer: string
}

/** Two answers in the order in which they are shown. */
export interface ComparerInput {
  readonly problem: string
  readonly rubric: Rubric
  readonly answers: readonly [answerA: string, answerB: string]
}

export interface TaskProfile {
  readonly name: string
  /** Hash of all that makes the task, where it is data: also of what is no prompt (the question's ending, the check, the spread). */
  readonly definitionHash?: string
  readonly proposer: RoleProfile<ProposerInput, Proposal>
  readonly solver: RoleProfile<SolverInput, string>
  readonly rubricWriter: RoleProfile<RubricWriterInput, Rubric>
  /** Pointwise. */
  readonly scorer: RoleProfile<ScorerInput, Evaluation>
  /** Pairwise: which of two answers is better. Absent: the task cannot be scored this way. */
  readonly comparer?: RoleProfile<ComparerInput, Verdict>
  /** Anchored: two answers rated side by side. Absent: the task cannot be scored this way. */
  readonly anchoredRater?: RoleProfile<ComparerInput, AnchoredRatings>
  /** All that the judge is given where no rubric is written (`scoring.rubric: none`). */
  readonly overallCriterion: Criterion
  /** Which of the valid answers the rubric writer sees. */
  rubricCandidates(answers: readonly string[]): string[]
  /** What a program finds of an answer, for the records: it never touches a score. Absent where the task has no such check. */
  readonly checkAnswer?: (answer: string, referenceAnswer: string) => AnswerCheck
}
