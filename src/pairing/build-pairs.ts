/** Scored candidates → preference pairs, with an account of every question. Pure. */
import { deriveSeed, rng } from '../core/rng.ts'
import type { Example, PairingConfig, PreferencePair, SkipReason } from '../records/index.ts'
import { choosePair, type Choice, type ScoredCandidate } from './choose.ts'

/** What became of one question, in the order of the examples. `chosen` and `rejected` are the candidates' `index`. */
export interface PairDecision {
  readonly round: number
  readonly documentId: string
  readonly questionIndex: number
  readonly outcome:
    | { readonly status: 'paired'; readonly chosen: number; readonly rejected: number }
    | { readonly status: 'skipped'; readonly reason: SkipReason }
}

export interface PairingResult {
  /** Shuffled and capped. */
  readonly pairs: PreferencePair[]
  /** Every reason, zeros included; pairs + skipped = examples. */
  readonly skipped: Record<SkipReason, number>
  readonly decisions: PairDecision[]
}

interface Decided {
  readonly example: Example
  readonly choice: Choice
}

/** The seed with which a run of `seed` pairs a round: pairing again gives the same pairs. */
export function pairingSeed(seed: number, round: number): number {
  return deriveSeed(seed, 'pairing', round)
}

/** At most one pair for each question (arXiv 2604.20051, pairing), then a seeded shuffle and the cap `maxPairs`. */
export function buildPairs(examples: readonly Example[], config: PairingConfig, seed: number): PairingResult {
  const decided = examples.map((example): Decided => ({ example, choice: choosePair(example, config, seed) }))
  const paired = decided.filter(({ choice }) => 'chosen' in choice)
  const kept = rng(seed, 'pairing', 'shuffle')
    .shuffle(paired)
    .slice(0, config.maxPairs ?? paired.length)
  const keptSet = new Set(kept)
  const decisions = decided.map((item) => decisionOf(item, keptSet.has(item)))
  return { pairs: kept.flatMap(toPair), skipped: countSkips(decisions), decisions }
}

function decisionOf({ example, choice }: Decided, kept: boolean): PairDecision {
  const { round, documentId, questionIndex } = example
  return { round, documentId, questionIndex, outcome: outcomeOf(choice, kept) }
}

function outcomeOf(choice: Choice, kept: boolean): PairDecision['outcome'] {
  if ('skipped' in choice) return { status: 'skipped', reason: choice.skipped }
  if (!kept) return { status: 'skipped', reason: 'overCap' }
  return { status: 'paired', chosen: choice.chosen.candidate.index, rejected: choice.rejected.candidate.index }
}

function countSkips(decisions: readonly PairDecision[]): Record<SkipReason, number> {
  const skipped = { noQuestion: 0, tooFewScored: 0, noSpread: 0, lengthGap: 0, sameResponse: 0, overCap: 0 }
  for (const { outcome } of decisions) {
    if (outcome.status === 'skipped') skipped[outcome.reason]++
  }
  return skipped
}

function toPair({ example, choice }: Decided): PreferencePair[] {
  if ('skipped' in choice || example.question === null) return []
  const conversation = ({ candidate }: ScoredCandidate): PreferencePair['chosen'] => [
    ...example.solverPrompt,
    { role: 'assistant', content: candidate.response },
  ]
  return [
    {
      role: 'solver',
      chosen: conversation(choice.chosen),
      rejected: conversation(choice.rejected),
      chosen_score: choice.chosen.score,
      rejected_score: choice.rejected.score,
      ref_answer: example.question.referenceAnswer,
    },
  ]
}
