/** Documents to examples: the roles played at full load, every call journaled, every failure recorded. */
export {
  synthesisStages,
  SynthesisTally,
  type StageCounts,
  type SynthesisEvent,
  type SynthesisStage,
} from './events.ts'
export type { RoleModels, SynthesisSettings } from './stages.ts'
export { synthesize, synthesizeTo, type SynthesisOptions, type SynthesisSummary } from './synthesize.ts'
