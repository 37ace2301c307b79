/** Which two candidates of one question become its pair, or why none do. Knows no file and no model. */
import { rng } from '../core/rng.ts'
import type { Candidate, Example, PairingConfig, SkipReason } from '../records/index.ts'
import { populationStd, wordCount } from './statistics.ts'

export interface ScoredCandidate {
  readonly candidate: Candidate
  readonly score: number
}

export type Choice =
  | { readonly chosen: ScoredCandidate; readonly rejected: ScoredCandidate }
  | { readonly skipped: SkipReason }

/**
 * The published rule: of the first `bestOf` candidates with a valid score, the first maximum against the first minimum.
 *
 * `random` in place of `max` or `min` is the control, and a fair one: it plays on exactly the questions on which the rule gives
 * a pair (same spread, same length rule), and draws that side uniformly from the partners that keep the length rule. Pairs of
 * identical responses, which teach nothing and which the rule hardly ever makes, are not drawn.
 */
export function choosePair(example: Example, config: PairingConfig, seed: number): Choice {
  if (example.question === null) return { skipped: 'noQuestion' }
  const scored = scoredCandidates(example.candidates).slice(0, config.bestOf)
  const best = firstExtreme(scored, (a, b) => a > b)
  const worst = firstExtreme(scored, (a, b) => a < b)
  if (best === undefined || worst === undefined || scored.length < 2) return { skipped: 'tooFewScored' }
  if (populationStd(scored.map(({ score }) => score)) < config.minStd || best === worst) return { skipped: 'noSpread' }
  if (!keepsLengthRule(best, worst, config)) return { skipped: 'lengthGap' }
  if (config.chosen === 'max' && config.rejected === 'min') return { chosen: best, rejected: worst }
  return drawPair(example, scored, best, worst, config, seed)
}

/** Candidates with a score, in their order. A number that is not finite is no score. */
function scoredCandidates(candidates: readonly Candidate[]): ScoredCandidate[] {
  return candidates.flatMap((candidate) => {
    const { score } = candidate
    return score.status === 'scored' && Number.isFinite(score.value) ? [{ candidate, score: score.value }] : []
  })
}

/** The first candidate that no other one beats. */
function firstExtreme(
  scored: readonly ScoredCandidate[],
  beats: (a: number, b: number) => boolean,
): ScoredCandidate | undefined {
  let extreme = scored[0]
  for (const candidate of scored) {
    if (extreme !== undefined && beats(candidate.score, extreme.score)) extreme = candidate
  }
  return extreme
}

function keepsLengthRule(a: ScoredCandidate, b: ScoredCandidate, config: PairingConfig): boolean {
  return Math.abs(wordCount(a.candidate.response) - wordCount(b.candidate.response)) <= config.maxLengthGapWords
}

function drawPair(
  example: Example,
  scored: readonly ScoredCandidate[],
  best: ScoredCandidate,
  worst: ScoredCandidate,
  config: PairingConfig,
  seed: number,
): Choice {
  const choices = config.chosen === 'random' ? scored : [best]
  const partners = config.rejected === 'random' ? scored : [worst]
  const pairs = choices.flatMap((chosen) =>
    partners
      .filter(
        (rejected) =>
          chosen.candidate.response !== rejected.candidate.response && keepsLengthRule(chosen, rejected, config),
      )
      .map((rejected) => ({ chosen, rejected })),
  )
  if (pairs.length === 0) return { skipped: 'sameResponse' }
  // A stream of its own for each question, so that its draw does not depend on which other questions there are.
  return rng(seed, 'pairing', 'draw', example.round, example.documentId, example.questionIndex).pick(pairs)
}
