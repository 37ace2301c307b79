/** The method's roles: what each is asked, how its reply is read, and how ratings become a score. Pure; knows no model and no run. */
export {
  areNearTies,
  curateRubric,
  isOffDifficulty,
  rubricAgreement,
  scoreUnderBoth,
  type CuratedRubric,
} from './curation.ts'
export {
  parseAnchoredRatings,
  parseAnswer,
  parseComparison,
  parseEvaluation,
  parseProposal,
  parseRubric,
  type AnchoredRatings,
  type Dialect,
  type ParseOptions,
  type Repair,
  type Verdict,
} from './parse/index.ts'
export {
  allPairs,
  anchoredScore,
  comparisonOf,
  equalComparison,
  medianAnchor,
  pairwiseScore,
  type Contestant,
} from './compare.ts'
export type {
  ComparerInput,
  ProposerInput,
  ReplyFacts,
  RoleProfile,
  RoleSampling,
  RubricWriterInput,
  ScorerInput,
  SolverInput,
  StructuredForm,
  TaskProfile,
} from './profile.ts'
export type { Proposal } from './parse/answer.ts'
export type { SectionStyle } from './prompt/sections.ts'
export {
  PublishedSampleReader,
  readPublishedSamples,
  type PublishedSamples,
  type PublishedSamplesOptions,
} from './published/samples.ts'
export { publishedSampleRow, type PublishedSampleRow } from './published/write.ts'
export { expectedRatings } from './expected-rating.ts'
export { meanEvaluation, meanScore } from './readings.ts'
export { withoutReasoning } from './parse/tags.ts'
export { replyFailure } from './reply-failure.ts'
export { scoreEvaluation, type ScoringRules } from './score.ts'
export type { SpreadRule } from './spread.ts'
export {
  builtinTasks,
  parseTask,
  taskFileSchema,
  taskFromFile,
  type BuiltinTasks,
  type TaskDefinition,
  type TaskFile,
} from './tasks/index.ts'
