/** Scored candidates → groups of rewarded completions, for objectives that learn from all answers to a question. Pure. */
import type { Example, PairingConfig, RolloutGroup, SkipReason } from '../records/index.ts'
import { scoredCandidates } from './rules.ts'
import { populationStd } from './statistics.ts'

/**
 * The scored answers of a question among the first `bestOf`, each with its score as reward; or why there is no group. A group
 * without spread has no advantage to learn from (DAPO's dynamic sampling, arXiv 2503.14476): it is skipped as its pair would be.
 */
export function buildGroup(example: Example, config: PairingConfig): RolloutGroup | { readonly skipped: SkipReason } {
  const { question, solverPrompt, documentId, questionIndex, round } = example
  if (question === null) return { skipped: 'noQuestion' }
  if (example.dropped !== undefined) return { skipped: example.dropped }
  const scored = scoredCandidates(example.candidates).slice(0, config.bestOf)
  if (scored.length < 2) return { skipped: 'tooFewScored' }
  const rewards = scored.map(({ score }) => score)
  if (populationStd(rewards) < config.minStd || Math.max(...rewards) === Math.min(...rewards)) {
    return { skipped: 'noSpread' }
  }
  return {
    round,
    documentId,
    questionIndex,
    prompt: solverPrompt,
    responses: scored.map(({ candidate: { response, sampled }, score }) => ({
      text: response,
      reward: score,
      ...(sampled === undefined ? {} : { sampled }),
    })),
    ref_answer: question.referenceAnswer,
  }
}
