/** A policy's answers to the frozen questions, and what one or two judges say of each. */
import { deriveSeed } from '../../core/rng.ts'
import type {
  FrozenQuestion,
  Generation,
  LanguageModel,
  Rubric,
  SuiteAnswer,
  SuiteFailure,
  Verdict,
} from '../../records/index.ts'
import { scoreEvaluation } from '../../roles/index.ts'
import { askJudge } from '../judge.ts'
import type { Call, EvaluationContext } from '../suite.ts'
import { parsed, toRequest } from './asking.ts'
import type { HeldOutOptions } from './options.ts'

/** Rubric ratings go to 2; suites report on 0–1. */
const RATING_MAX = 2

export interface JudgedAnswer {
  readonly answer: SuiteAnswer
  /** Of the second judge, as `answer.score`; null without one. */
  readonly second: number | null
}

/** One question's answers. An empty list: the policy could not be asked, which is not a bad answer. */
export interface AnsweredQuestion {
  readonly question: FrozenQuestion
  readonly sampled: readonly JudgedAnswer[]
  readonly greedy: JudgedAnswer | null
}

export interface Asking {
  readonly options: HeldOutOptions
  readonly context: EvaluationContext
  /** As `context.call`, but a call that failed gives no samples: a gap that the result counts. */
  readonly ask: Call
  /** Told of every judgement that could not be had. */
  readonly fail: (failure: SuiteFailure) => void
}

export async function askPolicy(asking: Asking, question: FrozenQuestion): Promise<AnsweredQuestion> {
  const { options, context, ask } = asking
  const { solver } = options.task
  const messages = solver.messages({ problem: question.problem })
  const base = `r${String(context.round)}/heldout/${question.id}`
  // The seed does not depend on the round: every policy meets the same noise.
  const seed = deriveSeed(context.seed, 'heldout', question.id)
  const greedyRequest = { ...toRequest(solver, messages, 1, seed), temperature: 0 }
  const [sampled, greedy] = await Promise.all([
    ask(`${base}/sampled`, context.policy, toRequest(solver, messages, options.samples, seed)),
    ask(`${base}/greedy`, context.policy, greedyRequest),
  ])
  const judge = (answer: Generation, sample: number, name: string): Promise<JudgedAnswer> =>
    judgeAnswer(asking, question, { answer, sample, key: `${base}/score/${name}` })
  const judged = await Promise.all(sampled.map((answer, i) => judge(answer, i, String(i))))
  const [best] = greedy
  const one = best === undefined ? null : await judge(best, 0, 'greedy')
  return {
    question,
    sampled: judged,
    greedy: one === null ? null : { ...one, answer: { ...one.answer, greedy: true } },
  }
}

interface GivenAnswer {
  readonly answer: Generation
  readonly sample: number
  /** Prefix of the keys of its judgements. */
  readonly key: string
}

async function judgeAnswer(
  asking: Asking,
  question: FrozenQuestion,
  { answer: generation, sample, key }: GivenAnswer,
): Promise<JudgedAnswer> {
  const { task, judge, secondJudge } = asking.options
  const { text, finishReason } = generation
  const extracted = parsed(task.solver, generation)
  const answer = { id: question.id, sample, response: text, finishReason, extracted }
  const { secondRubric } = question
  const hasSecond = secondJudge !== undefined && secondRubric != null
  // An answer that cannot be read is a bad answer, not a failed judgement.
  if (extracted === null) return { answer: { ...answer, score: 0, verdicts: [] }, second: hasSecond ? 0 : null }
  const score = (by: LanguageModel, rubric: Rubric, name: string): Promise<Scored> =>
    scoreAnswer(asking, { judge: by, problem: question.problem, rubric, answer: extracted, key: `${key}${name}` })
  const [first, second] = await Promise.all([
    score(judge, question.rubric, ''),
    hasSecond ? score(secondJudge, secondRubric, '/second') : null,
  ])
  const verdicts = second === null ? first.verdicts : [...first.verdicts, ...second.verdicts.map(asSecond)]
  return { answer: { ...answer, score: first.score, verdicts }, second: second?.score ?? null }
}

function asSecond(verdict: Verdict): Verdict {
  return { ...verdict, name: `second judge: ${verdict.name}` }
}

interface ToScore {
  readonly judge: LanguageModel
  readonly problem: string
  readonly rubric: Rubric
  readonly answer: string
  readonly key: string
}

interface Scored {
  /** On 0–1; null when there is none. */
  readonly score: number | null
  readonly verdicts: Verdict[]
}

async function scoreAnswer(
  { options, context, fail }: Asking,
  { judge, problem, rubric, answer, key }: ToScore,
): Promise<Scored> {
  const { scorer } = options.task
  const evaluation = await askJudge(
    {
      judge,
      messages: scorer.messages({ problem, rubric, answer }),
      maxTokens: scorer.sampling.maxTokens,
      parse: (reply) => parsed(scorer, reply),
    },
    { context, key, fail },
    'rate',
  )
  if (evaluation === null) return { score: null, verdicts: [] }
  const score = scoreEvaluation(rubric, evaluation, { missingCriterion: options.missingCriterion })
  const verdicts = evaluation.map(({ name, rating, thoughts }) => ({ name, score: rating, detail: thoughts }))
  return { score: score.status === 'scored' ? score.value / RATING_MAX : null, verdicts }
}
