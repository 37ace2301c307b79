/** What the samples of all pretraining stages are made with. Knows no mixture. */
import type { Rng } from '../../core/rng.ts'
import type { LabCriterion, LabMessage } from '../task.ts'
import { renderPrompt, END_OF_TEXT, END_OF_TURN } from '../tokenizer/template.ts'
import type { Attribute } from '../world/attributes.ts'
import { alterEntity, drawUnknown, otherValue } from '../world/entities.ts'
import type { Entity, Facts, World } from '../world/entities.ts'

/** `prompt` is context alone; `completion` is what is learnt. */
export interface Text {
  prompt: string
  completion: string
}

/** A kind of sample with the probability that the mixture gives it. */
export function drawKind<Kind extends string>(mixture: Readonly<Record<Kind, number>>, random: Rng): Kind {
  const shares = Object.entries(mixture) as [Kind, number][]
  let left = random.uniform()
  for (const [kind, share] of shares) {
    left -= share
    if (left < 0) return kind
  }
  return (shares[0] as [Kind, number])[0]
}

export function everyone(world: World): Entity[] {
  return [...world.train, ...world.heldOut]
}

export function plain(text: string): Text {
  return { prompt: END_OF_TEXT, completion: ` ${text}${END_OF_TEXT}` }
}

export function chat(messages: LabMessage[], completion: string): Text {
  return { prompt: renderPrompt(messages), completion: `${completion}${END_OF_TURN}\n` }
}

/** Whom a document-reading transcript is about: half unknown names; of the known, half with altered facts. */
export function drawSubject(world: World, random: Rng): Entity {
  if (random.uniform() < 0.5) return drawUnknown(world, random)
  const entity = random.pick(world.train)
  return random.uniform() < 0.5 ? alterEntity(entity, random) : entity
}

/** The criteria that hold the asked attributes against `facts`. */
export function goldsOf(asked: readonly Attribute[], facts: Facts): LabCriterion[] {
  return asked.map((attribute) => ({ name: attribute, gold: facts.get(attribute) ?? '' }))
}

/** The facts with each asked one replaced with probability one half. */
export function spoil(facts: Facts, asked: readonly Attribute[], random: Rng): Facts {
  const spoilt = new Map(facts)
  for (const attribute of asked) {
    if (random.uniform() < 0.5) spoilt.set(attribute, otherValue(attribute, facts.get(attribute), random))
  }
  return spoilt
}
