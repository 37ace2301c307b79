/**
 * Questions about the micro-world whose truth is known: made by a program for evaluation, or read back from what a
 * model proposed. Knows no model.
 */
import { rng } from '../core/rng.ts'
import { ATTRIBUTES, KIND_ATTRIBUTES } from './world/attributes.ts'
import type { Attribute } from './world/attributes.ts'
import type { Entity, World } from './world/entities.ts'
import { drawAsked } from './transcripts/mixture.ts'
import { writeQuestion } from './transcripts/roles.ts'
import { wordsOf } from './oracle.ts'
import type { KnownQuestion } from './oracle.ts'

export interface HeldOutQuestion extends KnownQuestion {
  id: string
  text: string
}

/** Fixed, seeded questions about the held-out entities: `perEntity` of each. */
export function heldOutQuestions(world: World, seed: string | number, perEntity: number): HeldOutQuestion[] {
  return world.heldOut.flatMap((entity) =>
    Array.from({ length: perEntity }, (_, i): HeldOutQuestion => {
      const random = rng(seed, 'held-out question', entity.name, i)
      const asked = drawAsked(random.shuffle([...KIND_ATTRIBUTES[entity.kind]]), random)
      const text = writeQuestion(entity.kind, entity.name, asked, random)
      return { id: `${entity.name}-${i}`, entity, asked, text }
    }),
  )
}

/** The attributes that a text names, in its order, each once. */
export function attributesNamed(text: string): Attribute[] {
  const known: readonly string[] = ATTRIBUTES
  return [...new Set(wordsOf(text))].filter((word): word is Attribute => known.includes(word))
}

/**
 * Reads a proposed question against the entity that its document is about: the attributes asked for when the question
 * names this entity alone and only attributes that `stated` holds; otherwise undefined: it has no known answer.
 */
export function readQuestion(text: string, entity: Entity, stated: readonly Attribute[]): KnownQuestion | undefined {
  const asked = attributesNamed(text)
  const answerable = asked.length > 0 && asked.every((attribute) => stated.includes(attribute))
  return answerable && wordsOf(text).includes(entity.name) ? { entity, asked } : undefined
}
