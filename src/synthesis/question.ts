/** One question from document to example: the stages one after another, the candidates' judging all at once. */
import type { Candidate, Example, Question } from '../records/index.ts'
import { propose, score, solve, writeRubric, type Answers, type QuestionContext } from './stages.ts'

/** Fewer readable answers than a pair has sides leave nothing to compare, so nobody is asked to judge them. */
const fewestAnswers = 2

/**
 * Plays one question through. A stage that fails is recorded in the example, never thrown.
 * Given a complete journal this makes no call and is a pure function of it.
 * @throws {Stopped} when the run is stopping, after the calls of this question that are out have come back.
 */
export async function playQuestion(context: QuestionContext): Promise<Example> {
  const proposed = await propose(context)
  if (!proposed.ok) return example(context, { status: 'proposalFailed', failure: proposed.failure })
  const question = proposed.value
  const solved = await solve(context, question)
  if (!solved.ok) return example(context, { status: 'answersFailed', failure: solved.failure, question })
  const readable = solved.value.candidates.flatMap(({ answer }) => answer ?? [])
  if (readable.length < fewestAnswers) {
    const failure = `${readable.length} readable answers among ${solved.value.candidates.length} samples`
    return example(context, { status: 'answersFailed', failure, question, answers: solved.value })
  }
  return judge(context, question, solved.value, readable)
}

async function judge(
  context: QuestionContext,
  question: Question,
  answers: Answers,
  readable: readonly string[],
): Promise<Example> {
  const written = await writeRubric(context, question, readable)
  if (!written.ok) {
    return example(context, { status: 'rubricFailed', failure: written.failure, question, answers })
  }
  const { rubric, conversation: rubricConversation, failure } = written.value
  if (rubric === null) {
    const why = failure === null ? {} : { failure }
    return example(context, { status: 'rubricFailed', ...why, question, answers, rubricConversation })
  }
  const candidates = await settleAll(answers.candidates.map((candidate) => score(context, question, rubric, candidate)))
  const parts = { question, answers: { ...answers, candidates }, rubric, rubricConversation }
  if (candidates.some((candidate) => candidate.score.status === 'scored')) {
    return example(context, { status: 'complete', ...parts })
  }
  return example(context, {
    status: 'scoringFailed',
    failure: `no answer was scored: ${reasons(candidates)}`,
    ...parts,
  })
}

/** As `Promise.all`, but when one rejects the others are waited for, so that no call is left behind. */
async function settleAll<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work)
  return Promise.all(work)
}

interface Parts {
  readonly status: Example['status']
  readonly failure?: string
  readonly question?: Question
  readonly answers?: Answers
  readonly rubric?: Example['rubric']
  readonly rubricConversation?: Example['rubricConversation']
}

function example(context: QuestionContext, parts: Parts): Example {
  return {
    round: context.round,
    documentId: context.document.id,
    questionIndex: context.questionIndex,
    task: context.task.name,
    document: context.document.text,
    status: parts.status,
    ...(parts.failure === undefined ? {} : { failure: parts.failure }),
    question: parts.question ?? null,
    solverPrompt: parts.answers?.prompt ?? [],
    candidates: parts.answers?.candidates ?? [],
    rubric: parts.rubric ?? null,
    rubricConversation: parts.rubricConversation ?? null,
  }
}

function reasons(candidates: readonly Candidate[]): string {
  const seen = candidates.flatMap(({ score: outcome }) => (outcome.status === 'unscored' ? [outcome.reason] : []))
  return [...new Set(seen)].sort().join(', ')
}
