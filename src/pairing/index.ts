/** Scored candidates → preference pairs, and the lines of a preference file. Pure. */
export { buildPairs, pairingSeed, type PairDecision, type PairingResult } from './build-pairs.ts'
export {
  formatPreferencePair,
  readPreferencePairs,
  type BadLine,
  type PairFile,
  type TrainingPair,
} from './pair-file.ts'
