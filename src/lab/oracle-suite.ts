/**
 * The laboratory's evaluation: fixed questions about held-out entities, answers judged by the oracle. The same
 * questions and seeds for every policy. What it finds never enters training.
 */
import { deriveSeed } from '../core/rng.ts'
import { bootstrapMean, finiteOrNull, mean } from '../evaluation/index.ts'
import type { EvaluationContext, Suite } from '../evaluation/index.ts'
import type { Generation, SuiteResult } from '../records/index.ts'
import { oracleParts } from './oracle.ts'
import type { OracleParts } from './oracle.ts'
import { labTask, labTaskOf } from './profile.ts'
import { heldOutQuestions } from './questions.ts'
import type { HeldOutQuestion } from './questions.ts'
import type { LabTaskName } from './task.ts'
import { createWorld } from './world/entities.ts'
import type { World } from './world/entities.ts'

export interface OracleSuiteOptions {
  /** Sampled answers per question (T = 1). */
  readonly samples: number
  /** Questions per held-out entity; there are 40 of these. */
  readonly questionsPerEntity?: number
  /** Names the questions; the same for all policies that are to be compared. */
  readonly questionSeed?: string | number
  /** Default: question answering. */
  readonly task?: LabTaskName
}

interface Asked {
  question: HeldOutQuestion
  sampled: Generation[]
  greedy: Generation[]
}

/** Makes the suite. */
export function oracleSuite(options: OracleSuiteOptions): Suite {
  const world = createWorld()
  const task = options.task ?? 'lab'
  const questions = heldOutQuestions(world, options.questionSeed ?? 'evaluation', options.questionsPerEntity ?? 2, task)
  return {
    name: 'oracle',
    evaluate: async (context) => {
      const asked = await Promise.all(questions.map((question) => ask(context, task, question, options.samples)))
      return summarise(world, context, task, asked)
    },
  }
}

async function ask(
  context: EvaluationContext,
  task: LabTaskName,
  question: HeldOutQuestion,
  samples: number,
): Promise<Asked> {
  const { solver } = labTaskOf(task)
  const { topP, maxTokens } = solver.sampling
  const messages = solver.messages({ problem: question.text })
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

function summarise(world: World, context: EvaluationContext, task: LabTaskName, asked: Asked[]): SuiteResult {
  const judged = asked.map(({ question, sampled, greedy }) => {
    const judge = (generation: Generation): OracleParts => oracleParts(world, question, readAnswer(generation), task)
    const parts = sampled.map(judge)
    return {
      id: question.id,
      answers: sampled.map(readAnswer),
      parts,
      scores: parts.map(({ score }) => score),
      greedy: greedy.map((generation) => judge(generation).score),
    }
  })
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
    ...(task === 'lab'
      ? {}
      : {
          breakdown: breakdownOf(
            judged.map(({ parts }) => parts),
            context.seed,
          ),
        }),
  }
}

/** What the score is made of, sampled answers, mean over questions. */
function breakdownOf(parts: readonly OracleParts[][], seed: number): NonNullable<SuiteResult['breakdown']> {
  return (['facts', 'demands'] as const).map((name) => {
    const perQuestion = parts.map((ofQuestion) => mean(ofQuestion.map((each) => each[name] ?? 0)))
    return { name, of: 'questions', value: bootstrapMean(perQuestion, seed) }
  })
}

function readAnswer(generation: Generation): string | null {
  const parsed = labTask.solver.parse(generation.text, { truncated: generation.finishReason === 'length' })
  return parsed.ok ? parsed.value : null
}
