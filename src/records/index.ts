/** The nouns that cross rooms: schema, type and one line each. Knows no behaviour. */
export { documentSchema, type Document } from './document.ts'
export {
  chatMessageSchema,
  type ChatMessage,
  type FinishReason,
  type GenerateRequest,
  type Generation,
  type LanguageModel,
  type Usage,
} from './language-model.ts'
export {
  candidateSchema,
  criterionRatingSchema,
  criterionSchema,
  evaluationSchema,
  exampleSchema,
  parseFailureSchema,
  preferencePairSchema,
  questionSchema,
  rubricSchema,
  scoreSchema,
  skipReasonSchema,
  type Candidate,
  type Criterion,
  type CriterionRating,
  type Evaluation,
  type Example,
  type ParseFailure,
  type ParseResult,
  type PreferencePair,
  type Question,
  type Rubric,
  type Score,
  type SkipReason,
} from './example.ts'
export {
  estimateSchema,
  suiteResultSchema,
  trainingStepSchema,
  type Estimate,
  type SuiteResult,
  type TrainingStep,
} from './metric.ts'
export {
  adamConfigSchema,
  configSchema,
  corpusConfigSchema,
  modelConfigSchema,
  objectiveConfigSchema,
  pairingConfigSchema,
  trainConfigSchema,
  trainingConfigSchema,
  type Config,
  type ModelEndpoint,
  type ObjectiveConfig,
  type PairingConfig,
  type SparseConfig,
  type TrainConfig,
  type TrainingConfig,
} from './config.ts'
export {
  journalCallSchema,
  journalDecisionSchema,
  journalEntrySchema,
  stageNameSchema,
  type JournalCall,
  type JournalDecision,
  type JournalEntry,
  type StageName,
} from './journal.ts'
export { manifestSchema, type RunManifest } from './manifest.ts'
export type { OnRunEvent, RunEvent, RunStage } from './events.ts'
