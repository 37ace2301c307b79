/**
 * How good the training signal of a round was, by the oracle: from the records of a run, after the fact. Nothing that is found
 * here can reach training. Pure.
 */
import { mean, pairAccuracy, rankCorrelation } from '../../evaluation/index.ts'
import type { Candidate, Example, PreferencePair } from '../../records/index.ts'
import { oracleScore } from '../oracle.ts'
import { labTaskOf } from '../profile.ts'
import { readWorldQuestion } from '../questions.ts'
import type { LabTaskName } from '../task.ts'
import type { World } from '../world/entities.ts'

/** Null: there was nothing to measure it on. */
export interface SignalQuality {
  /** Share of pairs whose chosen answer the oracle puts above the rejected one; a tie by the oracle counts one half. */
  pairAccuracy: number | null
  /** Pairs whose question has a known answer, and all pairs. */
  pairsJudged: number
  pairs: number
  /** Of all two scored answers to a question that the oracle orders: the share that the scores put in the same order. */
  orderAccuracy: number | null
  /** Spearman's correlation of self-score and oracle: within a question, averaged; and over all answers. */
  rankWithin: number | null
  rankPooled: number | null
  /** Questions with scored answers that have a known answer, and all of them. */
  questionsKnown: number
  questions: number
}

interface Judged {
  truth: number[]
  judged: number[]
}

export function signalQuality(
  world: World,
  task: LabTaskName,
  examples: readonly Example[],
  pairs: readonly PreferencePair[],
): SignalQuality {
  const played = examples.filter(({ status }) => status === 'complete')
  const groups = played.flatMap((example) => judgeExample(world, task, example) ?? [])
  const verdicts = pairs.flatMap((pair) => judgePair(world, task, pair) ?? [])
  const within = groups
    .map(({ truth, judged }) => rankCorrelation(judged, truth))
    .filter((correlation) => Number.isFinite(correlation))
  const pooled = rankCorrelation(
    groups.flatMap(({ judged }) => judged),
    groups.flatMap(({ truth }) => truth),
  )
  return {
    pairAccuracy: orNull(mean(verdicts)),
    pairsJudged: verdicts.length,
    pairs: pairs.length,
    orderAccuracy: orNull(pairAccuracy(groups).accuracy),
    rankWithin: orNull(mean(within)),
    rankPooled: orNull(pooled),
    questionsKnown: groups.length,
    questions: played.length,
  }
}

function judgeExample(world: World, task: LabTaskName, { question, candidates }: Example): Judged | undefined {
  const known = readWorldQuestion(world, question?.problem ?? '', task)
  if (known === undefined) return undefined
  const scored = candidates.flatMap(({ answer, score }: Candidate) =>
    answer === null || score.status !== 'scored' ? [] : { answer, score: score.value },
  )
  return {
    truth: scored.map(({ answer }) => oracleScore(world, known, answer, task)),
    judged: scored.map(({ score }) => score),
  }
}

/** 1, ½ or 0; undefined when the question has no known answer. */
function judgePair(world: World, task: LabTaskName, { chosen, rejected }: PreferencePair): number | undefined {
  const prompt = chosen[0]?.content ?? ''
  const question = readWorldQuestion(world, prompt.slice(prompt.indexOf('Question:')), task)
  if (question === undefined) return undefined
  const scoreOf = (conversation: PreferencePair['chosen']): number => {
    const answer = labTaskOf(task).solver.parse(conversation.at(-1)?.content ?? '', { truncated: false })
    return oracleScore(world, question, answer.ok ? answer.value : null, task)
  }
  return (Math.sign(scoreOf(chosen) - scoreOf(rejected)) + 1) / 2
}

function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
