/**
 * The completions of the four roles in the method's formats (tags and JSON), and the questions. A value is written
 * with a leading space everywhere, so that it is the same token in documents, JSON and answers. Pure text.
 */
import type { Rng } from '../../core/rng.ts'
import type { Attribute, Kind } from '../world/attributes.ts'
import type { LabCriterion } from '../task.ts'
import type { Said } from './answers.ts'

const QUESTIONS: ((list: string, kind: string, name: string) => string)[] = [
  (list, kind, name) => `What are the ${list} of the ${kind} ${name}?`,
  (list, kind, name) => `Tell me the ${list} of the ${kind} ${name}.`,
  (list, kind, name) => `For the ${kind} ${name}, what are the ${list}?`,
]

/** A question about two to four attributes, in the order given. */
export function writeQuestion(kind: Kind, name: string, asked: readonly Attribute[], random: Rng): string {
  return random.pick(QUESTIONS)(listOf(asked), kind, name)
}

/** `a, b and c`. */
export function listOf(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`
}

export function proposal(question: string, reference: string): string {
  return `<problem> ${question}</problem>\n<answer> ${reference}</answer>`
}

export function solution(answer: string): string {
  return `<answer> ${answer}</answer>`
}

/** Rubric JSON of the method: one criterion per asked attribute, equal weights. */
export function rubric(criteria: readonly LabCriterion[]): string {
  const entries = criteria.map(
    ({ name, gold }, i) =>
      `"criterion_${i + 1}":{"name":" ${name}","gold":" ${gold}","description":" names the ${name}","weight":1}`,
  )
  return `<rubric>{${entries.join(',')}}</rubric>`
}

/** Evaluation JSON of the method. The thought copies gold and answer, with the verdict right behind each value. */
export function evaluation(criteria: readonly LabCriterion[], claims: readonly Said[]): string {
  const entries = criteria.map(({ name, gold }, i) => {
    const values = claims.find((claim) => claim.attribute === name)?.values ?? []
    return `"criterion_${i + 1}":{"name":" ${name}","thoughts":"${thought(gold, values)}","rating":${rate(gold, values)}}`
  })
  return `<evaluation>{${entries.join(',')}}</evaluation>`
}

/** 2: exactly the gold; 1: the gold among two values; 0: anything else. */
export function rate(gold: string, values: readonly string[]): 0 | 1 | 2 {
  if (!values.includes(gold)) return 0
  return values.length === 1 ? 2 : 1
}

/** ` gold red, answer red match or blue differ`; ` gold red, answer missing` when nothing was said. */
export function thought(gold: string, values: readonly string[]): string {
  return ` gold ${gold}, answer ${compared(gold, values)}`
}

/** `red match or blue differ`; `missing` when nothing was said. */
export function compared(gold: string, values: readonly string[]): string {
  const verdicts = values.map((value) => `${value} ${value === gold ? 'match' : 'differ'}`)
  return verdicts.length === 0 ? 'missing' : verdicts.join(' or ')
}
