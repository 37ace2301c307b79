/** Scored candidates → preference pairs, with an account of every question. Pure. */
import { deriveSeed, rng } from '../core/rng.ts'
import type { Candidate, Example, PairingConfig, PreferencePair, SkipReason } from '../records/index.ts'
import { skipReasonSchema } from '../records/index.ts'
import { choosePairs, type Choice } from './choose.ts'
import type { CandidatePair, ScoredCandidate } from './candidates.ts'

/** Candidates' `index`. */
export interface PairedIndices {
  readonly chosen: number
  readonly rejected: number
}

/** What became of one question, in the order of the examples. `others`: its pairs beyond the first, where there are any. */
export interface PairDecision {
  readonly round: number
  readonly documentId: string
  readonly questionIndex: number
  readonly outcome:
    | ({ readonly status: 'paired'; readonly others?: readonly PairedIndices[] } & PairedIndices)
    | { readonly status: 'skipped'; readonly reason: SkipReason }
}

export interface PairingResult {
  /** Shuffled and capped. */
  readonly pairs: PreferencePair[]
  /** Questions by reason, every reason, zeros included; questions with a pair + skipped = examples. */
  readonly skipped: Record<SkipReason, number>
  readonly decisions: PairDecision[]
}

/** The seed with which a run of `seed` pairs a round: pairing again gives the same pairs. */
export function pairingSeed(seed: number, round: number): number {
  return deriveSeed(seed, 'pairing', round)
}

/** Pairs of every question (arXiv 2604.20051, pairing), then a seeded shuffle and the cap `maxPairs`. */
export function buildPairs(examples: Iterable<Example>, config: PairingConfig, seed: number): PairingResult {
  const builder = new PairBuilder(config, seed)
  const made: PreferencePair[] = []
  for (const example of examples) made.push(...builder.add(example))
  const { order, skipped, decisions } = builder.finish()
  return { pairs: order.flatMap((index) => made[index] ?? []), skipped, decisions }
}

interface Decided {
  readonly decision: Omit<PairDecision, 'outcome'>
  /** Indices only: what is kept of a question must not hold its texts. */
  readonly choice: readonly PairedIndices[] | SkipReason
}

/** `buildPairs` for examples that come one by one and pairs that need not stay in memory. */
export class PairBuilder {
  private readonly config: PairingConfig
  private readonly seed: number
  private readonly decided: Decided[] = []
  private made = 0

  constructor(config: PairingConfig, seed: number) {
    this.config = config
    this.seed = seed
  }

  /** The pairs of the next question. Number them from 0 over all questions: `finish` names them so. */
  add(example: Example): PreferencePair[] {
    const { round, documentId, questionIndex } = example
    const choice = choosePairs(example, this.config, this.seed)
    this.decided.push({ decision: { round, documentId, questionIndex }, choice: indicesOf(choice) })
    if ('skipped' in choice) return []
    this.made += choice.pairs.length
    return choice.pairs.map((pair) => toPair(example, pair))
  }

  /** Which of the pairs stay and in what order, and what became of every question. */
  finish(): { order: number[] } & Omit<PairingResult, 'pairs'> {
    const order = rng(this.seed, 'pairing', 'shuffle')
      .shuffle(Array.from({ length: this.made }, (_, index) => index))
      .slice(0, this.config.maxPairs ?? this.made)
    const kept = new Set(order)
    let next = 0
    const decisions = this.decided.map(({ decision, choice }): PairDecision => {
      if (typeof choice === 'string') return { ...decision, outcome: { status: 'skipped', reason: choice } }
      return { ...decision, outcome: outcomeOf(choice.filter(() => kept.has(next++))) }
    })
    return { order, skipped: countSkips(decisions), decisions }
  }
}

function indicesOf(choice: Choice): Decided['choice'] {
  if ('skipped' in choice) return choice.skipped
  return choice.pairs.map(({ chosen, rejected }) => ({
    chosen: chosen.candidate.index,
    rejected: rejected.candidate.index,
  }))
}

function outcomeOf([first, ...others]: readonly PairedIndices[]): PairDecision['outcome'] {
  if (first === undefined) return { status: 'skipped', reason: 'overCap' }
  return { status: 'paired', ...first, ...(others.length > 0 ? { others } : {}) }
}

function countSkips(decisions: readonly PairDecision[]): Record<SkipReason, number> {
  const zeros = skipReasonSchema.options.map((reason) => [reason, 0])
  const skipped = Object.fromEntries(zeros) as Record<SkipReason, number>
  for (const { outcome } of decisions) {
    if (outcome.status === 'skipped') skipped[outcome.reason]++
  }
  return skipped
}

function toPair(example: Example, { chosen, rejected }: CandidatePair): PreferencePair {
  const conversation = ({ candidate }: ScoredCandidate): PreferencePair['chosen'] => [
    ...example.solverPrompt,
    { role: 'assistant', content: candidate.response },
  ]
  return {
    role: 'solver',
    chosen: conversation(chosen),
    rejected: conversation(rejected),
    chosen_score: chosen.score,
    rejected_score: rejected.score,
    ref_answer: example.question?.referenceAnswer ?? '',
    ...tokensOf(chosen.candidate, rejected.candidate),
  }
}

function tokensOf(chosen: Candidate, rejected: Candidate): Pick<PreferencePair, 'tokens'> {
  if (chosen.sampled === undefined || rejected.sampled === undefined) return {}
  return { tokens: { chosen: chosen.sampled.tokens, rejected: rejected.sampled.tokens } }
}
