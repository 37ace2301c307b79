/** Scored candidates → preference pairs, and the lines of a preference file. Pure. */
export {
  buildPairs,
  PairBuilder,
  pairingSeed,
  type PairDecision,
  type PairedIndices,
  type PairingResult,
} from './build-pairs.ts'
export { choosePairs } from './choose.ts'
export { buildGroup } from './groups.ts'
export {
  formatPreferencePair,
  publishedPair,
  readPreferencePairs,
  type BadLine,
  type PairFile,
  type TrainingPair,
} from './pair-file.ts'
