/**
 * The laboratory's tasks: their short prompts behind the contract that every task fulfils, read by the method's own
 * parsers. Knows no model and nothing of the world.
 */
import { hashValue } from '../core/hash.ts'
import type { ParseResult } from '../records/index.ts'
import {
  parseAnchoredRatings,
  parseAnswer,
  parseComparison,
  parseEvaluation,
  parseProposal,
  parseRubric,
} from '../roles/index.ts'
import type { ComparerInput, RoleProfile, RoleSampling, TaskProfile } from '../roles/index.ts'
import {
  comparerMessages,
  LAB_TASK_NAMES,
  OVERALL_CRITERION,
  proposerMessages,
  rubricMessages,
  scorerMessages,
  solverMessages,
} from './task.ts'
import type { LabTaskName } from './task.ts'

/** The rubric writer sees two of the candidates; the laboratory's model was raised on one or two. */
const SHOWN_CANDIDATES = 2

const sampled = (maxTokens: number, attempts: number): RoleSampling => ({
  temperature: 1,
  topP: 1,
  maxTokens,
  attempts,
})
const greedy = (maxTokens: number): RoleSampling => ({ temperature: 0, topP: 1, maxTokens, attempts: 1 })

/** Completion tokens of proposal and answer: tales are the longest. */
const LENGTHS: Record<LabTaskName, { proposal: number; answer: number }> = {
  lab: { proposal: 96, answer: 80 },
  'lab-tales': { proposal: 160, answer: 112 },
  'lab-format': { proposal: 112, answer: 80 },
}

const profiles = new Map(LAB_TASK_NAMES.map((name) => [name, defineLabTask(name)]))

/** The laboratory's task of this name; undefined when it is none. */
export function findLabTask(name: string): TaskProfile | undefined {
  const known = LAB_TASK_NAMES.find((each) => each === name)
  return known === undefined ? undefined : profiles.get(known)
}

/** Question answering about things of the micro-world. */
export const labTask: TaskProfile = labTaskOf('lab')

/** The laboratory's task. */
export function labTaskOf(name: LabTaskName): TaskProfile {
  return profiles.get(name) ?? defineLabTask(name)
}

function defineLabTask(name: LabTaskName): TaskProfile {
  return {
    name,
    proposer: {
      sampling: sampled(LENGTHS[name].proposal, 5),
      messages: ({ document }) => proposerMessages(document ?? undefined, name),
      parse: (text, { truncated }) => parseProposal(text, { truncated }),
      promptHash: hashValue(proposerMessages('', name)),
    },
    solver: {
      sampling: sampled(LENGTHS[name].answer, 5),
      messages: ({ problem }) => solverMessages(problem, name),
      parse: (text, { truncated }) => parseAnswer(text, { truncated }),
      promptHash: hashValue(solverMessages('', name)),
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
    comparer: comparingRole('Compare', parseComparison),
    anchoredRater: comparingRole('Rate', parseAnchoredRatings),
    overallCriterion: OVERALL_CRITERION,
    rubricCandidates: spreadByLength,
  }
}

function comparingRole<Output>(
  verb: 'Compare' | 'Rate',
  parse: (text: string, options: { truncated: boolean }) => ParseResult<Output>,
): RoleProfile<ComparerInput, Output> {
  return {
    sampling: greedy(192),
    messages: ({ problem, rubric, answers }) => comparerMessages(verb, { question: problem, rubric, answers }),
    parse: (text, { truncated }) => parse(text, { truncated }),
    promptHash: hashValue(
      comparerMessages(verb, { question: '', rubric: [{ name: '', gold: '' }], answers: ['', ''] }),
    ),
  }
}

/** Every k-th of the answers sorted by length in characters, k = max(⌊n / 2⌋, 1), at most two of them. */
function spreadByLength(answers: readonly string[]): string[] {
  const step = Math.max(Math.floor(answers.length / SHOWN_CANDIDATES), 1)
  const sorted = [...answers].sort((a, b) => a.length - b.length)
  return sorted.filter((_, i) => i % step === 0).slice(0, SHOWN_CANDIDATES)
}
