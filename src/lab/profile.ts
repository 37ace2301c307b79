/**
 * The laboratory as a task: its short prompts behind the contract that every task fulfils, read by the method's own
 * parsers. Knows no model and nothing of the world.
 */
import { hashValue } from '../core/hash.ts'
import type { RoleSampling, TaskProfile } from '../roles/index.ts'
import { parseAnswer, parseEvaluation, parseProposal, parseRubric } from '../roles/index.ts'
import { proposerMessages, rubricMessages, scorerMessages, solverMessages } from './task.ts'

/** The rubric writer sees two of the candidates; the laboratory's model was raised on one or two. */
const SHOWN_CANDIDATES = 2

const sampled = (maxTokens: number, attempts: number): RoleSampling => ({
  temperature: 1,
  topP: 1,
  maxTokens,
  attempts,
})
const greedy = (maxTokens: number): RoleSampling => ({ temperature: 0, topP: 1, maxTokens, attempts: 1 })

/** Question answering about things of the micro-world. */
export const labTask: TaskProfile = {
  name: 'lab',
  proposer: {
    sampling: sampled(96, 5),
    messages: ({ document }) => proposerMessages(document ?? ''),
    parse: (text, { truncated }) => parseProposal(text, { truncated }),
    promptHash: hashValue(proposerMessages('')),
  },
  solver: {
    sampling: sampled(80, 5),
    messages: ({ problem }) => solverMessages(problem),
    parse: (text, { truncated }) => parseAnswer(text, { truncated }),
    promptHash: hashValue(solverMessages('')),
  },
  rubricWriter: {
    sampling: greedy(160),
    messages: ({ document, problem, referenceAnswer, candidates }) =>
      rubricMessages({
        document: document ?? undefined,
        question: problem,
        reference: referenceAnswer,
        candidates: [...candidates],
      }),
    parse: (text, { truncated }) => parseRubric(text, { truncated }),
    promptHash: hashValue(rubricMessages({ document: '', question: '', reference: '', candidates: [''] })),
  },
  scorer: {
    sampling: greedy(192),
    messages: ({ problem, rubric, answer }) => scorerMessages({ question: problem, rubric, answer }),
    parse: (text, { truncated }) => parseEvaluation(text, { truncated }),
    promptHash: hashValue(scorerMessages({ question: '', rubric: [{ name: '', gold: '' }], answer: '' })),
  },
  rubricCandidates: spreadByLength,
}

/** Every k-th of the answers sorted by length in characters, k = max(⌊n / 2⌋, 1), at most two of them. */
function spreadByLength(answers: readonly string[]): string[] {
  const step = Math.max(Math.floor(answers.length / SHOWN_CANDIDATES), 1)
  const sorted = [...answers].sort((a, b) => a.length - b.length)
  return sorted.filter((_, i) => i % step === 0).slice(0, SHOWN_CANDIDATES)
}
