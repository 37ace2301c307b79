/**
 * A suite that asks every question of every policy and grades each answer by itself: benchmarks, with a program or a
 * judge for a grader. Knows no benchmark.
 */
import { EndpointError } from '../core/errors.ts'
import { deriveSeed, rng } from '../core/rng.ts'
import type {
  ChatMessage,
  Estimate,
  GenerateRequest,
  Generation,
  SuiteAnswer,
  SuiteData,
  SuiteFailure,
  SuiteResult,
  Verdict,
} from '../records/index.ts'
import { detectableFromScores, estimateScores } from './inference.ts'
import { finiteOrNull, mean } from './statistics.ts'
import type { EvaluationContext, Suite } from './suite.ts'
import { wordCount } from './words.ts'

const ANSWER_ATTEMPTS = 3

export interface SuiteQuestion {
  readonly id: string
  readonly messages: readonly ChatMessage[]
}

export interface Graded {
  /** Null when the grader failed. */
  readonly score: number | null
  /** Whether the answer could be read at all. */
  readonly valid: boolean
  readonly extracted?: string | null
  readonly verdicts: readonly Verdict[]
}

/** What a grader may use: judge calls go through `context`, what failed is told to `fail`. */
export interface GraderTools {
  readonly context: EvaluationContext
  /** Prefix of the keys of this answer's calls. */
  readonly key: string
  fail(failure: SuiteFailure): void
}

export interface SuiteSampling {
  /** 0 asks once, greedily. */
  readonly temperature: number
  readonly topP: number
  readonly maxTokens: number
  /** Answers per question; 1 where the temperature is 0. */
  readonly samples: number
}

export type Breakdown = NonNullable<SuiteResult['breakdown']>

export interface QuestionSuite<Question extends SuiteQuestion> {
  readonly name: string
  /** `program`, or the judge model's name. */
  readonly judge: string
  readonly questions: readonly Question[]
  readonly sampling: SuiteSampling
  readonly grade: (question: Question, answer: Generation, tools: GraderTools) => Graded | Promise<Graded>
  /** An answer that is refused here is asked for again with another seed, three times in all; the last one is graded. */
  readonly accepts?: (answer: Generation) => boolean
  readonly breakdown?: (graded: readonly GradedQuestion<Question>[], seed: number) => Breakdown
  /** Replaces the mean over questions, where the protocol has another aggregate; `scores` are those of scored questions. */
  readonly aggregate?: (
    scores: readonly number[],
    seed: number,
    graded: readonly GradedQuestion<Question>[],
  ) => Estimate | null
  readonly protocol: { readonly official: string; readonly departures: readonly string[] }
  readonly data: readonly SuiteData[]
  /** Ask so many of the questions: the first of a seeded shuffle, so that more contain fewer. */
  readonly limit?: number | undefined
}

export interface GradedQuestion<Question> {
  readonly question: Question
  readonly answers: readonly SuiteAnswer[]
  /** Mean over the answers that were scored; null when none was. */
  readonly score: number | null
}

/** Makes a suite of it. @throws {EndpointError} from `evaluate` when not a single answer came back */
export function questionSuite<Question extends SuiteQuestion>(spec: QuestionSuite<Question>): Suite {
  const texts = spec.questions.map(({ messages }) => messages.at(-1)?.content ?? '')
  return { name: spec.name, texts, evaluate: (context) => evaluate(spec, context) }
}

interface AskedQuestion<Question> extends GradedQuestion<Question> {
  readonly valid: readonly boolean[]
  readonly missing: number
}

async function evaluate<Question extends SuiteQuestion>(
  spec: QuestionSuite<Question>,
  context: EvaluationContext,
): Promise<SuiteResult> {
  const failures: SuiteFailure[] = []
  const errors: EndpointError[] = []
  const questions = choose(spec.questions, spec.limit, context.seed)
  const asked = await Promise.all(
    questions.map((question) => askAndGrade(spec, context, question, { failures, errors })),
  )
  const [error] = errors
  if (error !== undefined && asked.every(({ score }) => score === null)) throw error
  return summarise(spec, context, asked, failures)
}

/** The first `limit` questions of a seeded shuffle, in their own order. */
export function choose<Question>(
  questions: readonly Question[],
  limit: number | undefined,
  seed: number,
): readonly Question[] {
  if (limit === undefined || limit >= questions.length) return questions
  const order = rng(seed, 'suite limit')
    .shuffle(questions.map((_, i) => i))
    .slice(0, limit)
  const chosen = new Set(order)
  return questions.filter((_, i) => chosen.has(i))
}

async function askAndGrade<Question extends SuiteQuestion>(
  spec: QuestionSuite<Question>,
  context: EvaluationContext,
  question: Question,
  sink: { failures: SuiteFailure[]; errors: EndpointError[] },
): Promise<AskedQuestion<Question>> {
  const key = `r${context.round}/${spec.name}/${question.id}`
  const { samples } = spec.sampling
  const asked = request(spec, context, question)
  const first = await ask(context, `${key}/answer`, asked, sink)
  const generations = await Promise.all(
    first.map((answer, sample) => accepted(spec, { context, key: `${key}/answer/s${sample}`, asked, answer, sink })),
  )
  const graded = await Promise.all(
    generations.map(async (generation, sample) => {
      const tools = {
        context,
        key: `${key}/judge/${sample}`,
        fail: (failure: SuiteFailure) => void sink.failures.push(failure),
      }
      return toAnswer(question, sample, generation, await spec.grade(question, generation, tools))
    }),
  )
  const scores = graded.flatMap(({ answer }) => answer.score ?? [])
  return {
    question,
    answers: graded.map(({ answer }) => answer),
    valid: graded.map(({ valid }) => valid),
    score: finiteOrNull(mean(scores)),
    missing: Math.max(0, samples - generations.length),
  }
}

async function ask(
  context: EvaluationContext,
  key: string,
  asked: GenerateRequest,
  sink: { failures: SuiteFailure[]; errors: EndpointError[] },
): Promise<Generation[]> {
  try {
    return await context.call(key, context.policy, asked)
  } catch (error) {
    if (!(error instanceof EndpointError)) throw error
    sink.errors.push(error)
    sink.failures.push({ key, by: 'policy', reason: 'callFailed', message: error.message })
    return []
  }
}

/** The answer, or a later one where it is not accepted. */
async function accepted<Question extends SuiteQuestion>(
  { accepts }: QuestionSuite<Question>,
  again: {
    context: EvaluationContext
    key: string
    asked: GenerateRequest
    answer: Generation
    sink: { failures: SuiteFailure[]; errors: EndpointError[] }
  },
): Promise<Generation> {
  const { context, key, asked, sink } = again
  let { answer } = again
  for (let attempt = 1; attempt < ANSWER_ATTEMPTS && accepts?.(answer) === false; attempt++) {
    const seed = deriveSeed(asked.seed, key, attempt)
    const [next] = await ask(context, `${key}a${attempt}`, { ...asked, n: 1, seed }, sink)
    answer = next ?? answer
  }
  return answer
}

/** The seed names the question and not the round: every policy meets the same noise. */
function request<Question extends SuiteQuestion>(
  spec: QuestionSuite<Question>,
  context: EvaluationContext,
  question: Question,
): GenerateRequest {
  const { temperature, topP, maxTokens, samples } = spec.sampling
  const seed = deriveSeed(context.seed, spec.name, question.id)
  return { messages: question.messages, n: samples, temperature, topP, maxTokens, seed }
}

function toAnswer(
  { id }: SuiteQuestion,
  sample: number,
  { text, finishReason }: Generation,
  { score, valid, extracted, verdicts }: Graded,
): { answer: SuiteAnswer; valid: boolean } {
  const read = extracted === undefined ? {} : { extracted }
  return { answer: { id, sample, response: text, finishReason, ...read, score, verdicts: [...verdicts] }, valid }
}

function summarise<Question extends SuiteQuestion>(
  spec: QuestionSuite<Question>,
  context: EvaluationContext,
  asked: readonly AskedQuestion<Question>[],
  failures: readonly SuiteFailure[],
): SuiteResult {
  const { seed } = context
  const answers = asked.flatMap((question) => question.answers)
  const scores = asked.flatMap(({ score }) => score ?? [])
  const estimate = (spec.aggregate ?? estimateScores)(scores, seed, asked)
  const greedy = spec.sampling.temperature === 0
  const words = answers.map(({ response }) => wordCount(response))
  return {
    suite: spec.name,
    round: context.round,
    policy: context.policy.name,
    judge: spec.judge,
    sampled: greedy ? null : estimate,
    greedy: greedy ? estimate : null,
    validity: finiteOrNull(mean(asked.flatMap(({ valid }) => valid.map((is) => (is ? 1 : 0))))),
    meanAnswerWords: finiteOrNull(mean(words)),
    unscored:
      answers.filter(({ score }) => score === null).length + asked.reduce((sum, { missing }) => sum + missing, 0),
    perQuestion: asked.map(({ question, score }) => ({ id: question.id, score })),
    ...(spec.breakdown === undefined ? {} : { breakdown: spec.breakdown(asked, seed) }),
    detectable: detectableFromScores(scores),
    protocol: { official: spec.protocol.official, departures: [...spec.protocol.departures] },
    seed,
    ...(asked.length < spec.questions.length ? { limit: asked.length } : {}),
    data: [...spec.data],
    // In the order of the calls' names, not in that of their ends: a resumed run says the same.
    failures: failures.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    answers,
  }
}

/** A breakdown by a property of the question: the mean of the questions' scores for each of its values, sorted by name. */
export function breakdownBy<Question>(
  of: string,
  graded: readonly GradedQuestion<Question>[],
  property: (question: Question) => readonly string[],
  seed: number,
): Breakdown {
  const groups = new Map<string, number[]>()
  for (const { question, score } of graded) {
    for (const name of property(question)) {
      const group = groups.get(name) ?? []
      if (score !== null) group.push(score)
      groups.set(name, group)
    }
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, scores]) => ({ name, of, value: estimateScores(scores, seed) }))
}
