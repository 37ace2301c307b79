/** `pop lab study` without its runs: what is compared, how the signal is judged, how results become a table. */
export { signalQuality, type SignalQuality } from './signal.ts'
export { studyMarkdown, studyRows, type StudyRow, type StudyRun } from './table.ts'
export {
  STUDY_SETTINGS,
  STUDY_VARIANT_NAMES,
  studyConfig,
  studyVariant,
  type StudySettings,
  type StudyVariantName,
} from './variants.ts'
