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

/**
 * Ids under which two sides were asked different things: some question, with its rubric, is not asked by the same share of the
 * runs on both. Several seeds may each have questions of their own, if both sides have them. Results that keep no questions say
 * nothing.
 */
export function otherQuestions(before: readonly SuiteResult[], after: readonly SuiteResult[]): ReadonlySet<string> {
  const [left, right] = [askedById(before), askedById(after)]
  return new Set(
    [...left].flatMap(([id, questions]) => {
      const later = right.get(id)
      return later === undefined || haveEqualShares(questions, later) ? [] : [id]
    }),
  )
}

function askedById(results: readonly SuiteResult[]): Map<string, object[]> {
  const found = new Map<string, object[]>()
  for (const question of results.flatMap(({ questions = [] }) => questions)) {
    found.set(question.id, [...(found.get(question.id) ?? []), asked(question)])
  }
  return found
}

/** Without regard to order and length. */
function haveEqualShares(left: readonly object[], right: readonly object[]): boolean {
  const count = (list: readonly object[], one: object): number =>
    list.filter((other) => isDeepStrictEqual(other, one)).length
  return [...left, ...right].every((one) => count(left, one) * right.length === count(right, one) * left.length)
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
