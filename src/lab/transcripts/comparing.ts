/**
 * The completions of the comparing judges, and of a judge without a rubric. The thoughts do the work: under each criterion what
 * both answers say, whether it is right, and what each has gathered so far. Pure text.
 */
import type { LabCriterion } from '../task.ts'
import type { Said } from './answers.ts'
import { compared, rate, thought } from './roles.ts'

/** What the two answers gathered, of `most`. */
export interface Totals {
  a: number
  b: number
  most: number
}

/** `1 color gold red, A red match 2, B blue differ 0. 2 food …`: the numbers behind the answers are running totals. */
export function comparingThoughts(
  criteria: readonly LabCriterion[],
  saidA: readonly Said[],
  saidB: readonly Said[],
): { text: string; totals: Totals } {
  const totals = { a: 0, b: 0, most: 2 * criteria.length }
  const lines = criteria.map(({ name, gold }, i) => {
    const valuesA = valuesOf(saidA, name)
    const valuesB = valuesOf(saidB, name)
    totals.a += rate(gold, valuesA)
    totals.b += rate(gold, valuesB)
    return ` ${i + 1} ${name} gold ${gold}, A ${compared(gold, valuesA)} ${totals.a}, B ${compared(gold, valuesB)} ${totals.b}.`
  })
  return { text: lines.join(''), totals }
}

/** Pairwise. A tie goes to the answer shown first, so that both orders together make a half. */
export function betterAnswer(thoughts: string, { a, b }: Totals): string {
  return `${thoughts}\n<better_answer>${a >= b ? 'A' : 'B'}</better_answer>`
}

/** Anchored: what each gathered on 0–10. */
export function anchoredRatings(thoughts: string, totals: Totals): string {
  const { a, b } = ratingsOf(totals)
  return `${thoughts}\n<rating_A> ${a}</rating_A>\n<rating_B> ${b}</rating_B>`
}

export function ratingsOf({ a, b, most }: Totals): { a: number; b: number } {
  return { a: Math.round((10 * a) / most), b: Math.round((10 * b) / most) }
}

/** The evaluation without a rubric: what the judge itself takes for right, then 2 for all of it, 1 for half, else 0. */
export function overallEvaluation(name: string, believed: readonly LabCriterion[], said: readonly Said[]): string {
  const thoughts = believed.map((criterion) => {
    return ` ${criterion.name}${thought(criterion.gold, valuesOf(said, criterion.name))}`
  })
  return `<evaluation>{"criterion_1":{"name":" ${name}","thoughts":"${thoughts.join('.')}","rating":${overallRating(believed, said)}}}</evaluation>`
}

export function overallRating(believed: readonly LabCriterion[], said: readonly Said[]): 0 | 1 | 2 {
  const total = believed.reduce((sum, { name, gold }) => sum + rate(gold, valuesOf(said, name)), 0)
  if (total === 2 * believed.length) return 2
  return total >= believed.length ? 1 : 0
}

export function valuesOf(said: readonly Said[], name: string): readonly string[] {
  return said.find(({ attribute }) => attribute === name)?.values ?? []
}
