/**
 * Questions about the micro-world whose truth is known: made by a program for evaluation, or read back from what a
 * model proposed. Knows no model.
 */
import { rng } from '../core/rng.ts'
import type { Rng } from '../core/rng.ts'
import { readDemands } from './demands.ts'
import type { LabTaskName } from './task.ts'
import { drawAssignment } from './transcripts/assignments.ts'
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
export function heldOutQuestions(
  world: World,
  seed: string | number,
  perEntity: number,
  task: LabTaskName = 'lab',
): HeldOutQuestion[] {
  return world.heldOut.flatMap((entity) =>
    Array.from({ length: perEntity }, (_, i): HeldOutQuestion => {
      const random = rng(seed, 'held-out question', entity.name, i)
      const attributes = random.shuffle([...KIND_ATTRIBUTES[entity.kind]])
      return { id: `${entity.name}-${i}`, entity, ...drawHeldOut(task, entity, attributes, random) }
    }),
  )
}

/** The lab task's questions are drawn as they always were: figures of other checkpoints stay comparable. */
function drawHeldOut(
  task: LabTaskName,
  entity: Entity,
  attributes: readonly Attribute[],
  random: Rng,
): Pick<HeldOutQuestion, 'asked' | 'demands' | 'text'> {
  if (task !== 'lab') {
    const { asked, demands, text } = drawAssignment(task, entity, attributes, random)
    return { asked, demands, text }
  }
  const asked = drawAsked(attributes, random)
  return { asked, text: writeQuestion(entity.kind, entity.name, asked, random) }
}

/** The attributes that a text names, in its order, each once. */
export function attributesNamed(text: string): Attribute[] {
  const known: readonly string[] = ATTRIBUTES
  return [...new Set(wordsOf(text))].filter((word): word is Attribute => known.includes(word))
}

/**
 * Reads a proposed question against the entity that its document is about: what is asked for when the question names this
 * entity and only attributes that `stated` holds; otherwise undefined: it has no known answer. A tale without a length and
 * a form without demands have none either.
 */
export function readQuestion(
  text: string,
  entity: Entity,
  stated: readonly Attribute[],
  task: LabTaskName = 'lab',
): KnownQuestion | undefined {
  const asked = attributesNamed(text)
  const demands = task === 'lab' ? [] : readDemands(text)
  const answerable = asked.length > 0 && asked.every((attribute) => stated.includes(attribute))
  if (!answerable || (task !== 'lab' && demands.length === 0)) return undefined
  return wordsOf(text).includes(entity.name) ? { entity, asked, ...(demands.length > 0 ? { demands } : {}) } : undefined
}

/** As {@link readQuestion}, for a question of which nothing is known but that it is about a thing of the world. */
export function readWorldQuestion(world: World, text: string, task: LabTaskName): KnownQuestion | undefined {
  const words = new Set(wordsOf(text))
  const [entity, ...others] = [...world.train, ...world.heldOut].filter(({ name }) => words.has(name))
  if (entity === undefined || others.length > 0) return undefined
  return readQuestion(text, entity, [...entity.facts.keys()], task)
}
