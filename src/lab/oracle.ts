/**
 * The oracle: a program that knows the truth of the micro-world and judges answers against it. It never enters
 * training. Knows nothing of rubrics, prompts or models.
 */
import { observed } from './demands.ts'
import type { Demand } from './demands.ts'
import type { LabTaskName } from './task.ts'
import { ATTRIBUTE_VALUES } from './world/attributes.ts'
import type { Attribute } from './world/attributes.ts'
import type { Entity, World } from './world/entities.ts'

/** What the oracle needs to judge an answer. */
export interface KnownQuestion {
  entity: Entity
  asked: readonly Attribute[]
  /** Of tales their length, of answers in a form what the form is to be. */
  demands?: readonly Demand[]
}

/** Parts of a judgement, each on 0–1. */
export interface OracleParts {
  facts: number
  /** Share of the demands that are kept; null when there are none. */
  demands: number | null
  score: number
}

const NOTHING_RIGHT = { facts: 0, demands: 0, score: 0 }

/** Score on 0–1, see {@link oracleParts}. */
export function oracleScore(
  world: World,
  question: KnownQuestion,
  answer: string | null,
  task: LabTaskName = 'lab',
): number {
  return oracleParts(world, question, answer, task).score
}

/**
 * Facts: the mean over the asked attributes of 1 (exactly the truth), ½ (the truth among two values) or 0. `null` is an invalid
 * answer: 0. An answer that names another entity: 0. The score is the facts; of a tale the mean over its facts and its length
 * as one more; of an answer in a form the facts times the demands, because a form without facts is worth nothing.
 */
export function oracleParts(
  world: World,
  { entity, asked, demands: wanted = [] }: KnownQuestion,
  answer: string | null,
  task: LabTaskName,
): OracleParts {
  if (answer === null || asked.length === 0) return NOTHING_RIGHT
  const words = wordsOf(answer)
  if (namesAnother(world, entity.name, words)) return NOTHING_RIGHT
  const right = asked.reduce((sum, attribute) => sum + oracleRating(entity, attribute, words), 0) / 2
  const facts = right / asked.length
  if (task === 'lab' || wanted.length === 0) return { facts, demands: null, score: facts }
  const kept = wanted.filter(({ name, gold }) => observed(name, answer) === gold).length
  const demands = kept / wanted.length
  const told = task === 'lab-tales' && words.includes(entity.name)
  if (task === 'lab-tales') return { facts, demands, score: told ? (right + kept) / (asked.length + wanted.length) : 0 }
  return { facts, demands, score: facts * demands }
}

/** 2: the answer gives exactly the true value. 1: it gives two values, one of them true. 0: anything else. */
export function oracleRating(entity: Entity, attribute: Attribute, words: readonly string[]): 0 | 1 | 2 {
  const given = valuesGiven(attribute, words)
  const truth = entity.facts.get(attribute)
  if (truth === undefined || !given.includes(truth) || given.length > 2) return 0
  return given.length === 1 ? 2 : 1
}

/** The distinct values of the attribute among the words, in order of first occurrence. */
export function valuesGiven(attribute: Attribute, words: readonly string[]): string[] {
  const values: readonly string[] = ATTRIBUTE_VALUES[attribute]
  return [...new Set(words)].filter((word) => values.includes(word))
}

/** Words of a text: runs of letters. */
export function wordsOf(text: string): string[] {
  return text.match(/\p{L}+/gu) ?? []
}

const namesOfWorlds = new WeakMap<World, Set<string>>()

function namesAnother(world: World, name: string, words: readonly string[]): boolean {
  let names = namesOfWorlds.get(world)
  if (names === undefined) {
    names = new Set([...world.train, ...world.heldOut].map((entity) => entity.name).concat(world.freeNames))
    namesOfWorlds.set(world, names)
  }
  return words.some((word) => word !== name && names.has(word))
}
