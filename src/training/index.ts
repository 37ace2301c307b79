/** From preference pairs to trained weights. */
export { EmbeddedTrainableModel, trainingEngineOptions, trainingUse, type TrainingEngine } from './backends/embedded.ts'
export {
  checkTinkerTraining,
  openTinkerCheckpoint,
  openTinkerTraining,
  openTinkerBase,
  tryTinkerPlace,
  type TinkerPlace,
} from './backends/open-tinker.ts'
export { runProgram } from './backends/subprocess.ts'
export { checkTrlTraining, requireTrl, trainByTrl } from './backends/trl.ts'
export type { TinkerTrainableModel } from './backends/tinker.ts'
export { TrainedOnServer, type TrainedOnServerOptions } from './backends/trained-on-server.ts'
export {
  datasetCard,
  trainerExports,
  modelCard,
  pairObjective,
  type ExportFacts,
  type TrainerExport,
} from './exports/index.ts'
export { isGroupObjective, objectives } from './objectives/index.ts'
export type { PreferenceData } from './preference-data.ts'
export { TrainingStateFile } from './state-file.ts'
export { trainGroups, type GroupTraining, type TrainGroupsOptions } from './train-groups.ts'
export { trainPreferences, type PreferenceTraining, type TrainPreferencesOptions } from './train-preferences.ts'
export type { Group, Objective, ObjectiveResult, PreferenceMetric, ScoredCompletion } from './objectives/index.ts'
export type { Scorer } from './loop.ts'
export type { AdamWSettings, TokenSequence, TrainableModel } from './model.ts'
