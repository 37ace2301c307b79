/**
 * Which results speak of the same questions. A question's id is its document's: another judge, another seed or another prompt
 * writes another question under the same id, and what was said of that one is not held against what is said of this one. Pure.
 */
import { isDeepStrictEqual } from 'node:util'
import type { FrozenQuestion, SuiteAnswer, SuiteResult } from '../../records/index.ts'
import type { JudgedRound, QuestionScore } from './parting.ts'

/** The greedy answers of a result to those of `questions` that it asked in the same words, under the same rubric; by id. */
export function sameAnswers(
  { answers = [], questions: before }: SuiteResult,
  questions: readonly FrozenQuestion[],
): ReadonlyMap<string, SuiteAnswer> {
  const same = sameIds(before, questions, asked)
  return new Map(
    answers.filter(({ id, greedy }) => greedy === true && same.has(id)).map((answer) => [answer.id, answer]),
  )
}

/**
 * What the same two judges said in earlier rounds of the same questions under the same rubrics. Rounds of which nothing is left
 * are left out.
 */
export function sameJudgements(
  earlier: readonly SuiteResult[],
  questions: readonly FrozenQuestion[],
  now: { readonly round: number; readonly judge: string; readonly secondJudge: string },
): JudgedRound[] {
  return earlier.flatMap(({ round, judge, perQuestion, questions: before, secondJudgement: second }) => {
    if (round >= now.round || judge !== now.judge || second?.judge !== now.secondJudge) return []
    const same = sameIds(before, questions, (question) => question)
    const left = (scores: readonly QuestionScore[]): QuestionScore[] => scores.filter(({ id }) => same.has(id))
    return same.size === 0 ? [] : [{ round, first: left(perQuestion), second: left(second.perQuestion) }]
  })
}

/** Ids under which two results hold different questions or rubrics; none of results that keep no questions. */
export function otherQuestions(results: readonly SuiteResult[]): ReadonlySet<string> {
  const [first = [], ...others] = results.flatMap(({ questions }) => (questions === undefined ? [] : [questions]))
  const ids = new Set(first.map(({ id }) => id))
  const different = others.flatMap((questions) => {
    const same = sameIds(first, questions, asked)
    return questions.filter(({ id }) => ids.has(id) && !same.has(id))
  })
  return new Set(different.map(({ id }) => id))
}

/** What a policy's answer depends on, and its score by one judge. */
function asked({ problem, rubric }: FrozenQuestion): object {
  return { problem, rubric }
}

/** Of a result that kept no questions, nothing is known to be the same. */
function sameIds(
  before: readonly FrozenQuestion[] = [],
  questions: readonly FrozenQuestion[],
  part: (question: FrozenQuestion) => object,
): ReadonlySet<string> {
  const known = new Map(before.map((question) => [question.id, part(question)]))
  return new Set(
    questions.flatMap((question) => (isDeepStrictEqual(known.get(question.id), part(question)) ? [question.id] : [])),
  )
}
