/** Examples with given responses and scores, for the tests of pairing. */
import type { Example } from '../../src/records/index.ts'

export interface GivenCandidate {
  readonly response: string
  /** Null: an answer without a valid score. */
  readonly score: number | null
}

export function exampleOf(candidates: readonly GivenCandidate[], documentId = 'document'): Example {
  return {
    round: 1,
    documentId,
    questionIndex: 0,
    task: 'general',
    document: 'the document',
    status: 'complete',
    question: { problem: `question of ${documentId}`, referenceAnswer: 'the reference', conversation: [] },
    solverPrompt: [{ role: 'user', content: `question of ${documentId}` }],
    candidates: candidates.map(({ response, score }, index) => ({
      index,
      answer: response,
      response,
      evaluation: null,
      evaluationResponse: null,
      score: score === null ? { status: 'unscored', reason: 'badJson' } : { status: 'scored', value: score },
    })),
    rubric: null,
    rubricConversation: null,
  }
}
