/**
 * What an earlier run knows of a question, so that it need not be asked for again: the question, its answers, its rubric.
 * Knows no file; whoever reads the earlier run hands examples in.
 */
import type { Candidate, ChatMessage, Example, Question, ReuseConfig, Rubric } from '../records/index.ts'

export type ReusedStage = ReuseConfig['stages'][number]

export interface Prior {
  readonly question: Question
  /** Absent: they are sampled anew. */
  readonly answers?: { readonly prompt: readonly ChatMessage[]; readonly candidates: readonly Candidate[] }
  /** Absent: it is written anew. */
  readonly rubric?: { readonly rubric: Rubric; readonly conversation: readonly ChatMessage[] }
}

/** The earlier questions of a round's documents. */
export interface PriorQuestions {
  /** How many a document has: it gets at least so many. */
  count(documentId: string): number
  find(documentId: string, questionIndex: number): Prior | undefined
}

/**
 * What `stages` take over of an example; undefined when it has no question. A stage that failed there, and answers of which
 * fewer than two can be read, are left to be played anew. Scores and judgements are never taken over.
 */
export function priorOf(example: Example, stages: readonly ReusedStage[]): Prior | undefined {
  const { question, rubric, rubricConversation } = example
  if (question === null) return undefined
  const readable = example.candidates.filter(({ answer }) => answer !== null).length
  const answers = { prompt: example.solverPrompt, candidates: example.candidates.map(unjudged) }
  return {
    question,
    ...(stages.includes('solve') && readable >= 2 ? { answers } : {}),
    ...(stages.includes('rubric') && rubric !== null && rubricConversation !== null
      ? { rubric: { rubric, conversation: rubricConversation } }
      : {}),
  }
}

/** Which stages a prior spares. */
export function stagesOf(prior: Prior): ReusedStage[] {
  return [
    'propose',
    ...(prior.answers === undefined ? [] : (['solve'] as const)),
    ...(prior.rubric === undefined ? [] : (['rubric'] as const)),
  ]
}

function unjudged({ index, answer, invalid, response, completionTokens }: Candidate): Candidate {
  return {
    index,
    answer,
    ...(invalid === undefined ? {} : { invalid }),
    response,
    ...(completionTokens === undefined ? {} : { completionTokens }),
    evaluation: null,
    evaluationResponse: null,
    score: { status: 'unscored', reason: answer === null ? 'invalidAnswer' : 'noRubric' },
  }
}
