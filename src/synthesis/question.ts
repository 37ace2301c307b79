/** One question from document to example: the stages one after another, the candidates' judging all at once. */
import { rng } from '../core/rng.ts'
import type { Candidate, Example, Question } from '../records/index.ts'
import { areNearTies, curateRubric, isOffDifficulty, rubricAgreement, scoreUnderBoth } from '../roles/index.ts'
import { listReasons, type QuestionContext } from './context.ts'
import { judgeCandidates, type Judging } from './judging/index.ts'
import { stagesOf } from './prior.ts'
import { propose, solve, writeRubric, type Answers, type WrittenRubric } from './stages.ts'

/** Fewer readable answers than a pair has sides leave nothing to compare, so nobody is asked to judge them. */
const fewestAnswers = 2

/** What `curation.positiveOnly` can do to a rubric. */
const NOTHING_LEFT = 'no criterion has a positive weight'

/**
 * Plays one question through. A stage that fails is recorded in the example, never thrown.
 * Given a complete journal this makes no call and is a pure function of it.
 * @throws {Stopped} when the run is stopping, after the calls of this question that are out have come back.
 */
export async function playQuestion(context: QuestionContext): Promise<Example> {
  const example = await play(context)
  return context.prior === undefined ? example : { ...example, reused: stagesOf(context.prior) }
}

async function play(context: QuestionContext): Promise<Example> {
  const proposed = await propose(context)
  if (!proposed.ok) return exampleOf(context, { status: 'proposalFailed', failure: proposed.failure })
  const question = proposed.value
  const { earlyDrop } = context.settings.curation
  const n = context.settings.synthesis.candidates
  if (earlyDrop === false || earlyDrop.samples >= n) {
    const solved = await solve(context, question)
    if (!solved.ok) return exampleOf(context, { status: 'answersFailed', failure: solved.failure, question })
    return judgeQuestion(context, question, solved.value)
  }
  return playInTwoParts(context, question, earlyDrop)
}

/** A few answers are sampled, judged and looked at before the others are sampled: `curation.earlyDrop`. */
async function playInTwoParts(
  context: QuestionContext,
  question: Question,
  { samples, minStd }: { readonly samples: number; readonly minStd: number },
): Promise<Example> {
  const first = await solve(context, question, { n: samples, index: 0, name: 'solve' })
  if (!first.ok) return exampleOf(context, { status: 'answersFailed', failure: first.failure, question })
  const early = await judgeQuestion(context, question, first.value, { final: false })
  if (early.status !== 'complete') return early
  const scores = early.candidates.map(({ score }) => score)
  if (areNearTies(scores, minStd)) {
    const failure = `the first ${samples} answers are nearly equal`
    return { ...early, status: 'dropped', dropped: 'nearTies', failure }
  }
  const drawn = first.value.candidates.length
  const rest = { n: context.settings.synthesis.candidates - samples, index: drawn, name: 'solve/rest' }
  const second = await solve(context, question, rest)
  if (!second.ok) return exampleOf(context, { status: 'answersFailed', failure: second.failure, question })
  const candidates = [...first.value.candidates, ...second.value.candidates]
  // The rubric is the one that the first answers gave: its call is in the journal, and so are the first judgements.
  const shown = readableAnswers(first.value.candidates)
  return judgeQuestion(context, question, { prompt: first.value.prompt, candidates }, { shown })
}

export interface JudgeOptions {
  /** The answers that the rubric writer sees a spread of; default: all that can be read. */
  readonly shown?: readonly string[]
  /** False: what only the whole set of answers can decide is left open. */
  readonly final?: boolean
}

/** From the answers of a question to its example: the rubric, the judging, and what curation makes of both. */
export async function judgeQuestion(
  context: QuestionContext,
  question: Question,
  answers: Answers,
  { shown, final = true }: JudgeOptions = {},
): Promise<Example> {
  const readable = readableAnswers(answers.candidates)
  if (readable.length < fewestAnswers) {
    const failure = `${readable.length} readable answers among ${answers.candidates.length} samples`
    return exampleOf(context, { status: 'answersFailed', failure, question, answers })
  }
  const written = await writeRubric(context, question, shown ?? readable)
  if (!written.ok) return exampleOf(context, { status: 'rubricFailed', failure: written.failure, question, answers })
  const judged = await judgeUnder(context, question, answers, written.value)
  if (judged.status !== 'complete' || !final) return judged
  const checked = await withSecondRubric(context, question, judged, shown ?? readable)
  return checked.status === 'complete' ? withinDifficulty(context, checked) : checked
}

async function judgeUnder(
  context: QuestionContext,
  question: Question,
  answers: Answers,
  { rubric, conversation: rubricConversation, failure }: WrittenRubric,
): Promise<Example> {
  const parts = { question, answers, rubricConversation }
  if (rubric === null) {
    return exampleOf(context, { status: 'rubricFailed', ...(failure === null ? {} : { failure }), ...parts })
  }
  const { used, unused } = curated(context, rubric, '')
  if (used.length === 0) {
    return exampleOf(context, { status: 'rubricFailed', failure: NOTHING_LEFT, ...parts, rubric })
  }
  const { candidates, comparisons } = await judgeCandidates(
    context,
    { question, rubric: used, scope: '' },
    answers.candidates,
  )
  const example = exampleOf(context, {
    ...parts,
    status: 'complete',
    answers: { ...answers, candidates },
    rubric,
    ...(unused.length > 0 ? { unusedCriteria: unused } : {}),
    ...(comparisons === undefined ? {} : { comparisons }),
  })
  return orUnscored(example)
}

/** An example of which no candidate has a score is none to learn from, and says so. */
function orUnscored(example: Example): Example {
  if (example.candidates.some(({ score }) => score.status === 'scored')) return example
  return { ...example, status: 'scoringFailed', failure: `no answer was scored: ${reasons(example.candidates)}` }
}

/** `curation.secondRubric`: a second rubric judges the same answers; the question counts when the two agree on their order. */
async function withSecondRubric(
  context: QuestionContext,
  question: Question,
  example: Example,
  shown: readonly string[],
): Promise<Example> {
  const { secondRubric } = context.settings.curation
  if (secondRubric === false) return example
  const scope = 'second/'
  const written = await writeRubric(context, question, shown, { scope, temperature: secondRubric.temperature })
  if (!written.ok) return { ...example, status: 'rubricFailed', failure: `second rubric: ${written.failure}` }
  const { rubric, conversation, failure } = written.value
  if (rubric === null || conversation === null) {
    return { ...example, status: 'rubricFailed', failure: `second rubric: ${failure ?? 'unreadable'}` }
  }
  const { used } = curated(context, rubric, scope)
  if (used.length === 0) return { ...example, status: 'rubricFailed', failure: `second rubric: ${NOTHING_LEFT}` }
  const judging: Judging = { question, rubric: used, scope }
  const judged = await judgeCandidates(context, judging, example.candidates)
  const firstScores = example.candidates.map(({ score }) => score)
  const secondScores = judged.candidates.map(({ score }) => score)
  const agreement = rubricAgreement(firstScores, secondScores)
  const candidates = example.candidates.map((candidate, i): Candidate => {
    return { ...candidate, score: scoreUnderBoth(candidate.score, secondScores[i] ?? candidate.score) }
  })
  const both = { ...example, candidates, secondRubric: { rubric, conversation, firstScores, secondScores, agreement } }
  if (agreement !== null && agreement >= secondRubric.minAgreement) return orUnscored(both)
  const why = agreement === null ? 'cannot be compared' : `agree only ${agreement.toFixed(2)}`
  return { ...both, status: 'dropped', dropped: 'rubricsDisagree', failure: `the scores under two rubrics ${why}` }
}

/** `curation.difficulty`. */
function withinDifficulty(context: QuestionContext, example: Example): Example {
  const { difficulty } = context.settings.curation
  const scores = example.candidates.map(({ score }) => score)
  if (difficulty === false || !isOffDifficulty(scores, difficulty)) return example
  return {
    ...example,
    status: 'dropped',
    dropped: 'difficulty',
    failure: 'the answers are too good or too poor on average',
  }
}

function curated(
  context: QuestionContext,
  rubric: NonNullable<Example['rubric']>,
  scope: string,
): ReturnType<typeof curateRubric> {
  const { seed, round, document, questionIndex, settings } = context
  return curateRubric(rubric, settings.curation, rng(seed, 'criteria', round, document.id, questionIndex, scope))
}

function readableAnswers(candidates: readonly Candidate[]): string[] {
  return candidates.flatMap(({ answer }) => answer ?? [])
}

type Parts = Pick<Example, 'status'> &
  Partial<
    Pick<Example, 'failure' | 'question' | 'rubric' | 'rubricConversation' | 'unusedCriteria' | 'comparisons'>
  > & {
    readonly answers?: Answers
  }

function exampleOf(context: QuestionContext, { answers, ...parts }: Parts): Example {
  return {
    round: context.round,
    documentId: context.document.id,
    questionIndex: context.questionIndex,
    task: context.task.name,
    // What nobody was shown is no part of the example.
    document: context.settings.synthesis.groundQuestion ? context.document.text : '',
    question: null,
    solverPrompt: answers?.prompt ?? [],
    candidates: answers?.candidates ?? [],
    rubric: null,
    rubricConversation: null,
    ...parts,
  }
}

function reasons(candidates: readonly Candidate[]): string {
  return listReasons(candidates.flatMap(({ score }) => (score.status === 'unscored' ? [score.reason] : [])).sort())
}
