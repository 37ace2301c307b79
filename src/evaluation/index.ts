/** Suites, intervals and rank statistics. Knows models only through `LanguageModel`, and no training. */
export {
  isFileSuite,
  makeSuite,
  requireParts,
  suiteCatalogue,
  type FileSuiteName,
  type SuiteEntry,
  type SuiteRequest,
} from './catalogue.ts'
export { compareResults, regression, regressions, type Comparison, type Regression } from './compare.ts'
export { heldOutSuite } from './held-out/index.ts'
export type { HeldOutOptions } from './held-out/options.ts'
export { sameJudgements } from './held-out/same-questions.ts'
export { bootstrapMean, finiteOrNull, mean, pairAccuracy, rankCorrelation, studentInterval } from './statistics.ts'
export type { Call, EvaluationContext, Suite } from './suite.ts'
export type { SuiteFile } from './suites/rows.ts'
