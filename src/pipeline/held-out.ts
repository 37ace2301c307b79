/** The held-out corpus as a suite of a configuration, and what is said when its two judges part. */
import { heldOutSuite, sameJudgements, type Suite } from '../evaluation/index.ts'
import type { Config, Document, FrozenQuestion, LanguageModel, SuiteResult } from '../records/index.ts'
import type { TaskProfile } from '../roles/index.ts'
import type { ModelHouse } from './models.ts'

export interface HeldOutOfConfig {
  readonly config: Config
  readonly task: TaskProfile
  readonly documents: readonly Document[]
  readonly models: ModelHouse
  /** In place of those of the configuration. */
  readonly judge?: LanguageModel | undefined
  readonly secondJudge?: LanguageModel | undefined
  /** Questions that a run wrote, for a policy from elsewhere. */
  readonly frozen?: readonly FrozenQuestion[] | undefined
  /** The result whose answers such a policy is held against. */
  readonly base?: SuiteResult | undefined
  /** Ask so many of the questions. */
  readonly limit?: number | undefined
}

/** The judge is the configuration's, or the starting model; it sees of a document what the rubric writer of the run sees. */
export function heldOutOf({ config, task, documents, models, frozen, base, limit, ...given }: HeldOutOfConfig): Suite {
  const { evaluation, scoring, synthesis } = config
  const { judge, secondJudge, samples } = evaluation
  return heldOutSuite({
    task: withLimits(task, synthesis.maxTokens),
    documents,
    judge: given.judge ?? (judge === undefined ? models.initialPolicy : models.open(judge)),
    secondJudge: given.secondJudge ?? (secondJudge === undefined ? undefined : models.open(secondJudge)),
    groundRubric: synthesis.groundRubric,
    samples,
    missingCriterion: scoring.missingCriterion,
    frozen,
    base,
    limit,
  })
}

/** The token limits of a run with a small context are those of its evaluation too. */
function withLimits(task: TaskProfile, limits: Config['synthesis']['maxTokens']): TaskProfile {
  const limited = <Role extends { readonly sampling: { readonly maxTokens: number } }>(
    role: Role,
    limit: number | undefined,
  ): Role => (limit === undefined ? role : { ...role, sampling: { ...role.sampling, maxTokens: limit } })
  const { propose, solve, rubric, score } = limits
  return {
    ...task,
    proposer: limited(task.proposer, propose),
    solver: limited(task.solver, solve),
    rubricWriter: limited(task.rubricWriter, rubric),
    scorer: limited(task.scorer, score),
    ...(task.comparer === undefined ? {} : { comparer: limited(task.comparer, score) }),
  }
}

/** Lines for people: what could not be compared with earlier rounds, and where the second judge does not see what the first one sees. */
export function heldOutNotes(result: SuiteResult, earlier: readonly SuiteResult[]): string[] {
  return [...strangerNotes(result, earlier), ...partingNotes(result)]
}

/** Earlier rounds whose questions or judges are other ones say nothing of this one. */
function strangerNotes(
  { judge, round, questions, versusBase, secondJudgement: second }: SuiteResult,
  earlier: readonly SuiteResult[],
): string[] {
  if (questions === undefined || questions.length === 0) return []
  const why = 'another judge, seed or prompt wrote its questions'
  const start = earlier.find((result) => result.round === 0)
  const isAlone =
    second !== undefined &&
    earlier.some(({ secondJudgement }) => secondJudgement !== undefined) &&
    sameJudgements(earlier, questions, { round, judge, secondJudge: second.judge }).length === 0
  return [
    ...(start === undefined || versusBase !== undefined
      ? []
      : [`round ${round} is not held against round 0: no answer there is to one of its questions (${why})`]),
    ...(isAlone ? [`round ${round} is held against no round before it: none has its judges and questions`] : []),
  ]
}

/** A line for people where the second judge does not see what the first one sees. */
function partingNotes({ round, judge, secondJudgement }: SuiteResult): string[] {
  const parting = secondJudgement?.parting
  if (secondJudgement === undefined || parting === undefined || parting.verdict === 'agree') return []
  const { verdict, best, first, second } = parting
  const change = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`
  const figures =
    `from round ${best} to round ${round} ${judge} sees ${change(first.mean)} and the second judge, ` +
    `${secondJudgement.judge}, ${change(second.mean)} [${change(second.low)}, ${change(second.high)}]`
  return verdict === 'parted'
    ? [`the judges part: ${figures}: the training judge is being pleased; go back to round ${best}`]
    : [`not confirmed: ${figures}`]
}
