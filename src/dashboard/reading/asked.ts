/** Which question an answer is to: the id is its document's, of which another judge, seed or prompt makes another question. Pure. */
import { hashValue } from '../../core/hash.ts'
import type { SuiteResult } from '../../records/index.ts'
import type { HeldOutAnswer } from '../views/wire.ts'

/** The answers, each with the hash of what it was asked where its result keeps that. */
export function withAsked(
  answers: readonly HeldOutAnswer[],
  results: readonly Pick<SuiteResult, 'suite' | 'questions'>[],
): HeldOutAnswer[] {
  const hashes = new Map(
    results.map(({ suite, questions = [] }) => [
      suite,
      new Map(questions.map(({ id, problem, rubric }) => [id, hashValue({ problem, rubric })])),
    ]),
  )
  return answers.map((answer) => {
    const asked = hashes.get(answer.suite)?.get(answer.id)
    return asked === undefined ? answer : { ...answer, asked }
  })
}
