/** What the viewer is told of the doers' rules: which pair a question gave, and what its judge was asked. */
import type { RowOutcome, ViewRules } from '../dashboard/index.ts'
import { findLabTask } from '../lab/index.ts'
import { choosePairs, pairingSeed } from '../pairing/index.ts'
import type { ChatMessage, Config, Example } from '../records/index.ts'
import { builtinTasks } from '../roles/index.ts'

export const viewRules: ViewRules = { outcomeOf, judgePrompt }

/** One question by itself: the cap on a round's pairs is not looked at. */
function outcomeOf(example: Example, config: Config): RowOutcome {
  const choice = choosePairs(example, config.pairing, seedOf(config.seed, example.round))
  if ('skipped' in choice) return { outcome: choice.skipped, chosen: null, rejected: null }
  const [first, ...others] = choice.pairs.map(({ chosen, rejected }) => ({
    chosen: chosen.candidate.index,
    rejected: rejected.candidate.index,
  }))
  if (first === undefined) return { outcome: 'unknown', chosen: null, rejected: null }
  return { outcome: 'paired', ...first, others }
}

/** Deriving a seed costs as much as a question's choice. */
const seeds = new Map<string, number>()

function seedOf(seed: number, round: number): number {
  const name = `${seed} ${round}`
  const known = seeds.get(name) ?? pairingSeed(seed, round)
  seeds.set(name, known)
  return known
}

/** By the call's name: `c3` judges answer 3, `v0-1` and `d0-1` hold two answers against each other, in that order. */
function judgePrompt(example: Example, call: string, config: Config): readonly ChatMessage[] | null {
  const { question, rubric } = example
  const task = findLabTask(config.task) ?? builtinTasks.get(config.task)
  const [, kind, first, second] = /^([cvd])(\d+)(?:-(\d+))?$/.exec(call) ?? []
  const answer = answerOf(example, first)
  if (question === null || rubric === null || answer === null || task === undefined) return null
  const { problem } = question
  if (kind === 'c') return task.scorer.messages({ problem, rubric, answer })
  const other = answerOf(example, second)
  if (other === null) return null
  const profile = kind === 'v' ? task.comparer : task.anchoredRater
  return profile?.messages({ problem, rubric, answers: [answer, other] }) ?? null
}

function answerOf({ candidates }: Example, index: string | undefined): string | null {
  return candidates.find((candidate) => candidate.index === Number(index))?.answer ?? null
}
