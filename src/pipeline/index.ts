/** The chain of stages and rounds. Emits events, prints nothing. */
export { runPipeline, type PipelineOptions } from './run-pipeline.ts'
export type { RoundSummary, RunSummary } from './summary.ts'
export { readDocuments, type RunDocuments } from './run-documents.ts'
export { evaluatePolicies, type EvaluateOptions } from './evaluate.ts'
export { readResults } from './evaluation-results.ts'
export { heldOutOf } from './held-out.ts'
export { contaminationOf, trainingTextsOf, type ContaminationReport } from './contamination.ts'
export { ModelHouse } from './models.ts'
export { requireUntouchedJudges } from './playable.ts'
export { readSampleFile, type BadLine } from './sample-file.ts'
export { checkSuites, fileSuites } from './suites.ts'
export { trainRun, type TrainRunOptions, type TrainRunResult } from './train-run.ts'
export {
  assumedReply,
  assumeQuestion,
  contextNeeds,
  plannedStages,
  planRun,
  type Amounts,
  type ContextNeed,
  type PlannedStage,
  type RunPlan,
} from './planning.ts'
export type { Shard } from './shard.ts'
export { rescoreRun, type RescoredRound, type RescoreOptions } from './rescore.ts'
export { gpuTrainingMemory, parametersByName, type ModelShape, type TrainingMemory } from './training-memory.ts'
