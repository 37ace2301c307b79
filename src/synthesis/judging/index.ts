/** Candidates under a rubric → candidates with scores, in the mode that the configuration names. */
import { ConfigError } from '../../core/errors.ts'
import type { Candidate, Config } from '../../records/index.ts'
import type { TaskProfile } from '../../roles/index.ts'
import { settleAll, type QuestionContext } from '../context.ts'
import { scoreAnchored, scorePairwise } from './compare.ts'
import { judgeTemperature, type Judged, type Judging } from './judging.ts'
import { scorePointwise } from './pointwise.ts'

export type { Judged, Judging } from './judging.ts'

export async function judgeCandidates(
  context: QuestionContext,
  judging: Judging,
  candidates: readonly Candidate[],
): Promise<Judged> {
  const { mode } = context.settings.scoring
  if (mode === 'pairwise') return scorePairwise(context, judging, candidates)
  if (mode === 'anchored') return scoreAnchored(context, judging, candidates)
  return { candidates: await scoreEach(context, judging, candidates) }
}

/** A greedy judge says of equal answers what it said of the first: it is asked once. */
async function scoreEach(
  context: QuestionContext,
  judging: Judging,
  candidates: readonly Candidate[],
): Promise<Candidate[]> {
  const isGreedy = (judgeTemperature(context) ?? context.task.scorer.sampling.temperature) === 0
  const asked = new Map<string, Promise<Candidate>>()
  const scores = candidates.map((candidate) => {
    const known = candidate.answer === null ? undefined : asked.get(candidate.answer)
    if (known !== undefined) return known
    const scored = scorePointwise(context, judging, candidate)
    if (candidate.answer !== null && isGreedy) asked.set(candidate.answer, scored)
    return scored
  })
  const settled = await settleAll(scores)
  return candidates.map((candidate, i) => withJudgement(candidate, settled[i] ?? candidate))
}

/** The judgement of an equal answer. */
function withJudgement(candidate: Candidate, judged: Candidate): Candidate {
  const { evaluation, evaluationResponse, readings, score } = judged
  return { ...candidate, evaluation, evaluationResponse, ...(readings === undefined ? {} : { readings }), score }
}

/** @throws {ConfigError} when the task has no role for the mode, or a switch needs another mode. */
export function checkScoring(task: TaskProfile, { scoring, curation }: Pick<Config, 'scoring' | 'curation'>): void {
  const role = { pointwise: task.scorer, pairwise: task.comparer, anchored: task.anchoredRater }[scoring.mode]
  if (role === undefined) {
    throw new ConfigError(
      `scoring.mode: the task ${task.name} has no prompt for ${scoring.mode} scoring; use mode: pointwise, or another task`,
    )
  }
  if (curation.secondRubric !== false && scoring.rubric === 'none') {
    throw new ConfigError('curation.secondRubric needs scoring.rubric: written: without rubrics there is no second one')
  }
  if (curation.difficulty !== false && scoring.mode !== 'pointwise') {
    throw new ConfigError(
      `curation.difficulty needs scoring.mode: pointwise: ${scoring.mode} scores compare the answers of one question with each ` +
        'other and say nothing of how hard it is',
    )
  }
}
