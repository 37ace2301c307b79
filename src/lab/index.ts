/**
 * The laboratory: a micro-world whose truth a program knows, the task in it, its documents and its oracle.
 * Pretraining lies apart, in `pretrain.ts`, since it alone needs the engine.
 */
export { labConfig, LAB_MODEL_DIR, type LabConfigOptions } from './config.ts'
export { labCorpus, type LabCorpusOptions, type LabDocument, type LabSubjects } from './corpus.ts'
export type { KnownQuestion } from './oracle.ts'
export { oracleSuite, type OracleSuiteOptions } from './oracle-suite.ts'
export { findLabTask, labTask, labTaskOf } from './profile.ts'
export { LAB_TASK_NAMES, type LabTaskName } from './task.ts'
export { judgeQuality, playDocuments } from './skills.ts'
export type { JudgeQuality, Play, PlayOptions, SkillOptions, SkillReport } from './skills.ts'
export { createWorld, type World } from './world/entities.ts'
