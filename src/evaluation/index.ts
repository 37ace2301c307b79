/** Suites, intervals and rank statistics. Knows models only through `LanguageModel`, and no training. */
export { heldOutSuite, type HeldOutOptions } from './held-out.ts'
export { bootstrapMean, finiteOrNull, mean, pairAccuracy, pairedDifference, rankCorrelation } from './statistics.ts'
export type { Call, EvaluationContext, Suite } from './suite.ts'
