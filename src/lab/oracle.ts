/**
 * The oracle: a program that knows the truth of the micro-world and judges answers against it. It never enters
 * training. Knows nothing of rubrics, prompts or models.
 */
import { ATTRIBUTE_VALUES } from './world/attributes.ts'
import type { Attribute } from './world/attributes.ts'
import type { Entity, World } from './world/entities.ts'

/** What the oracle needs to judge an answer. */
export interface KnownQuestion {
  entity: Entity
  asked: readonly Attribute[]
}

/**
 * Score on 0–1: the mean over the asked attributes of 1 (exactly the truth), ½ (the truth among two values) or 0.
 * `null` is an invalid answer: 0. An answer that names another entity: 0.
 */
export function oracleScore(world: World, question: KnownQuestion, answer: string | null): number {
  if (answer === null || question.asked.length === 0) return 0
  const words = wordsOf(answer)
  if (namesAnother(world, question.entity.name, words)) return 0
  const total = question.asked.reduce((sum, attribute) => sum + oracleRating(question.entity, attribute, words), 0)
  return total / (2 * question.asked.length)
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
