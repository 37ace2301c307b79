/** What an evaluation suite is. A suite asks the same questions with the same seeds of every policy. */
import type { GenerateRequest, Generation, LanguageModel, SuiteResult } from '../records/index.ts'

/** A model call that is looked up in the run's journal first and recorded when made. */
export type Call = (key: string, model: LanguageModel, request: GenerateRequest) => Promise<Generation[]>

export interface EvaluationContext {
  /** 0 = before the first round. */
  readonly round: number
  readonly policy: LanguageModel
  readonly call: Call
  readonly seed: number
  /** This suite's results of earlier rounds, in order; what a suite needs to hold a policy against where it came from. */
  readonly earlier?: readonly SuiteResult[]
}

export interface Suite {
  readonly name: string
  /** What its items say, where that is known before it is asked: texts that no policy should have been trained on. */
  readonly texts?: readonly string[]
  evaluate(context: EvaluationContext): Promise<SuiteResult>
}
