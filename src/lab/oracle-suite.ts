/**
 * The laboratory's evaluation: fixed questions about held-out entities, answers judged by the oracle. The same
 * questions and seeds for every policy. What it finds never enters training.
 */
import { deriveSeed } from '../core/rng.ts'
import { bootstrapMean, finiteOrNull, mean } from '../evaluation/index.ts'
import type { EvaluationContext, Suite } from '../evaluation/index.ts'
import type { Generation, SuiteResult } from '../records/index.ts'
import { oracleScore } from './oracle.ts'
import { labTask } from './profile.ts'
import { heldOutQuestions } from './questions.ts'
import type { HeldOutQuestion } from './questions.ts'
import { createWorld } from './world/entities.ts'
import type { World } from './world/entities.ts'

export interface OracleSuiteOptions {
  /** Sampled answers per question (T = 1). */
  readonly samples: number
  /** Questions per held-out entity; there are 40 of these. */
  readonly questionsPerEntity?: number
  /** Names the questions; the same for all policies that are to be compared. */
  readonly questionSeed?: string | number
}

interface Asked {
  question: HeldOutQuestion
  sampled: Generation[]
  greedy: Generation[]
}

/** Makes the suite. */
export function oracleSuite(options: OracleSuiteOptions): Suite {
  const world = createWorld()
  const questions = heldOutQuestions(world, options.questionSeed ?? 'evaluation', options.questionsPerEntity ?? 2)
  return {
    name: 'oracle',
    evaluate: async (context) => {
      const asked = await Promise.all(questions.map((question) => ask(context, question, options.samples)))
      return summarise(world, context, asked)
    },
  }
}

async function ask(context: EvaluationContext, question: HeldOutQuestion, samples: number): Promise<Asked> {
  const { topP, maxTokens } = labTask.solver.sampling
  const messages = labTask.solver.messages({ problem: question.text })
  const key = `r${context.round}/oracle/${question.id}`
  // Without the round, so that every policy meets the same noise.
  const seed = deriveSeed(context.seed, 'oracle', question.id)
  const request = { messages, topP, maxTokens, seed }
  const [sampled, greedy] = await Promise.all([
    context.call(`${key}/sampled`, context.policy, { ...request, n: samples, temperature: 1 }),
    context.call(`${key}/greedy`, context.policy, { ...request, n: 1, temperature: 0 }),
  ])
  return { question, sampled, greedy }
}

function summarise(world: World, context: EvaluationContext, asked: Asked[]): SuiteResult {
  const judged = asked.map(({ question, sampled, greedy }) => ({
    id: question.id,
    answers: sampled.map(readAnswer),
    scores: sampled.map((generation) => oracleScore(world, question, readAnswer(generation))),
    greedy: greedy.map((generation) => oracleScore(world, question, readAnswer(generation))),
  }))
  const perQuestion = judged.map(({ id, scores }) => ({ id, score: finiteOrNull(mean(scores)) }))
  const answers = judged.flatMap((question) => question.answers)
  const valid = answers.filter((answer) => answer !== null)
  return {
    suite: 'oracle',
    round: context.round,
    policy: context.policy.name,
    judge: 'oracle',
    sampled: bootstrapMean(
      perQuestion.flatMap(({ score }) => score ?? []),
      context.seed,
    ),
    greedy: bootstrapMean(
      judged.flatMap((question) => question.greedy),
      context.seed,
    ),
    validity: finiteOrNull(valid.length / answers.length),
    meanAnswerWords: finiteOrNull(mean(valid.map((answer) => answer.split(/\s+/).length))),
    unscored: 0,
    perQuestion,
  }
}

function readAnswer(generation: Generation): string | null {
  const parsed = labTask.solver.parse(generation.text, { truncated: generation.finishReason === 'length' })
  return parsed.ok ? parsed.value : null
}
