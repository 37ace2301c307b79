/** From preference pairs to trained weights. */
export { EmbeddedTrainableModel, trainingEngineOptions, type TrainingEngine } from './backends/embedded.ts'
export { openTinkerTraining } from './backends/open-tinker.ts'
export {
  datasetCard,
  trainerExports,
  modelCard,
  pairObjective,
  type ExportFacts,
  type TrainerExport,
} from './exports/index.ts'
export { objectives } from './objectives/index.ts'
export type { PreferenceData } from './preference-data.ts'
export { TrainingStateFile } from './state-file.ts'
export { trainPreferences, type PreferenceTraining, type TrainPreferencesOptions } from './train-preferences.ts'
export type { Group, Objective, ObjectiveResult, PreferenceMetric, ScoredCompletion } from './objectives/index.ts'
export type { Scorer } from './loop.ts'
export type { TokenSequence, TrainableModel } from './model.ts'
