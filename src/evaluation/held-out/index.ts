/**
 * The user's own corpus as a suite: documents kept out of training, questions and rubrics made from them once by the
 * judge and then frozen (they live in the journal), the same questions and seeds for every policy.
 *
 * A judge is a model too: its figures say what it sees, not what is true. Hence a second one beside it.
 */
import type { EndpointError } from '../../core/errors.ts'
import type { SecondJudgement, SuiteFailure, SuiteResult } from '../../records/index.ts'
import { detectableFromScores, estimateScores } from '../inference.ts'
import { finiteOrNull, mean } from '../statistics.ts'
import type { EvaluationContext, Suite } from '../suite.ts'
import { wordCount } from '../words.ts'
import { askPolicy, type AnsweredQuestion, type Asking, type JudgedAnswer } from './answers.ts'
import { forgiving } from './asking.ts'
import type { HeldOutOptions } from './options.ts'
import { partingOf } from './parting.ts'
import { freezeQuestions } from './questions.ts'
import { sameJudgements } from './same-questions.ts'
import { versusBase } from './versus-base.ts'

const SUITE = 'heldout'

/** Makes the suite. Questions that the judge fails to make are left out; their count is the missing rest of `n`. */
export function heldOutSuite(options: HeldOutOptions): Suite {
  return {
    name: SUITE,
    texts: options.frozen?.map(({ problem }) => problem) ?? options.documents.map(({ text }) => text),
    evaluate: (context) => evaluate(options, context),
  }
}

async function evaluate(options: HeldOutOptions, context: EvaluationContext): Promise<SuiteResult> {
  const errors: EndpointError[] = []
  const failures: SuiteFailure[] = []
  const ask = forgiving(context.call, (key, error) => {
    errors.push(error)
    const by = key.startsWith(`${SUITE}/`) ? 'judge' : 'policy'
    failures.push({ key, by, reason: 'callFailed', message: error.message })
  })
  const questions = await freezeQuestions(options, { ...context, call: ask })
  const asking: Asking = { options, context, ask, fail: (failure) => void failures.push(failure) }
  const answered = await Promise.all(questions.map((question) => askPolicy(asking, question)))
  const [error] = errors
  // Some failed calls leave gaps that the result counts; when nothing came back at all, there is no result.
  if (error !== undefined && answered.every(({ sampled }) => sampled.every(({ answer }) => answer.score === null)))
    throw error
  const result = summarise(options, context, answered)
  const versus = await againstBase(asking, answered)
  return {
    ...result,
    questions: [...questions],
    ...(versus === null ? {} : { versusBase: versus }),
    // Calls come back in any order; the result does not hang on it.
    failures: failures.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
  }
}

async function againstBase(asking: Asking, answered: readonly AnsweredQuestion[]): ReturnType<typeof versusBase> {
  const base = asking.options.base ?? asking.context.earlier?.find(({ round }) => round === 0)
  if (base === undefined) return null
  const trained = answered.flatMap(({ question, greedy }) =>
    greedy === null ? [] : [{ question, answer: greedy.answer }],
  )
  return versusBase(asking, base, trained)
}

function summarise(
  options: HeldOutOptions,
  context: EvaluationContext,
  answered: readonly AnsweredQuestion[],
): SuiteResult {
  const { seed } = context
  const known = (options.frozen ?? options.documents).length
  const sampled = answered.flatMap((question) => question.sampled.map(({ answer }) => answer))
  const perQuestion = scoresBy(answered, ({ answer }) => answer.score)
  const scores = perQuestion.flatMap(({ score }) => score ?? [])
  const words = sampled.flatMap(({ extracted }) => (extracted == null ? [] : wordCount(extracted)))
  const second = secondJudgement(options, context, answered, perQuestion)
  return {
    suite: SUITE,
    round: context.round,
    policy: context.policy.name,
    judge: options.judge.name,
    sampled: estimateScores(scores, seed),
    greedy: estimateScores(
      answered.flatMap(({ greedy }) => greedy?.answer.score ?? []),
      seed,
    ),
    validity: finiteOrNull(mean(sampled.map(({ extracted }) => (extracted == null ? 0 : 1)))),
    meanAnswerWords: finiteOrNull(mean(words)),
    unscored: unscoredOf(options, answered, ({ answer }) => answer.score),
    perQuestion,
    detectable: detectableFromScores(scores),
    seed,
    ...(options.limit === undefined || options.limit >= known ? {} : { limit: options.limit }),
    answers: answered.flatMap(({ sampled: list, greedy }) =>
      [...list, ...(greedy === null ? [] : [greedy])].map(({ answer }) => answer),
    ),
    ...(second === null ? {} : { secondJudgement: second }),
  }
}

type Pick = (judged: JudgedAnswer) => number | null

function scoresBy(answered: readonly AnsweredQuestion[], pick: Pick): SuiteResult['perQuestion'] {
  return answered.map(({ question, sampled }) => ({
    id: question.id,
    score: finiteOrNull(mean(sampled.flatMap((judged) => pick(judged) ?? []))),
  }))
}

/** Answers that could not be had or judged. */
function unscoredOf({ samples }: HeldOutOptions, answered: readonly AnsweredQuestion[], pick: Pick): number {
  return answered.reduce((sum, { sampled }) => {
    return sum + Math.max(0, samples - sampled.length) + sampled.filter((judged) => pick(judged) === null).length
  }, 0)
}

function secondJudgement(
  options: HeldOutOptions,
  { round, seed, earlier = [] }: EvaluationContext,
  answered: readonly AnsweredQuestion[],
  first: SuiteResult['perQuestion'],
): SecondJudgement | null {
  if (options.secondJudge === undefined) return null
  const judge = options.secondJudge.name
  const perQuestion = scoresBy(answered, ({ second }) => second)
  const questions = answered.map(({ question }) => question)
  const before = sameJudgements(earlier, questions, { round, judge: options.judge.name, secondJudge: judge })
  const parting = partingOf([...before, { round, first, second: perQuestion }], seed)
  return {
    judge,
    sampled: estimateScores(
      perQuestion.flatMap(({ score }) => score ?? []),
      seed,
    ),
    unscored: unscoredOf(options, answered, ({ second }) => second),
    perQuestion,
    ...(parting === undefined ? {} : { parting }),
  }
}
