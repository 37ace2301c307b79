/** The public API: the method's pure parts, and the whole pipeline. Everything else is behind the subpath exports. */
export {
  parseAnchoredRatings,
  parseAnswer,
  parseComparison,
  parseEvaluation,
  parseProposal,
  parseRubric,
  scoreEvaluation,
} from './roles/index.ts'
export { buildPairs, type PairDecision, type PairingResult } from './pairing/index.ts'
export { objectives } from './training/index.ts'
export { runPipeline, type PipelineOptions, type RoundSummary, type RunSummary } from './pipeline/index.ts'
