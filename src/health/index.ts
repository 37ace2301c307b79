/** The health of a round's training signal, before any training: measures, limits, and what to do. Pure over records. */
export { HealthCollector, type HealthOptions, type PairingCounts } from './collect.ts'
export { OverlapTally, type EvaluationSet } from './overlap.ts'
export { healthLines, healthSummary } from './text.ts'
