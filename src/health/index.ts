/** The health of a round's training signal, before the round is trained, or online after it: measures, limits, and what to do. Pure over records. */
export { HealthCollector, type HealthOptions, type PairingCounts } from './collect.ts'
export { OverlapTally, type EvaluationSet } from './overlap.ts'
export { healthLines, healthSummary } from './text.ts'
