/**
 * The inhabitants of the micro-world and what is true of them. Pure: a world is a function of its seed.
 * Knows nothing of texts, transcripts or models.
 */
import { rng } from '../../core/rng.ts'
import type { Rng } from '../../core/rng.ts'
import { KINDS, KIND_ATTRIBUTES, valuesOf } from './attributes.ts'
import type { Attribute, Kind } from './attributes.ts'

/** Attribute → value; holds exactly the attributes of the entity's kind. */
export type Facts = ReadonlyMap<Attribute, string>

export interface Entity {
  name: string
  kind: Kind
  /** What the almanac says. This is the truth of the world. */
  facts: Facts
  /** What people say instead, for three of the eight attributes; always another value than the almanac's. */
  rumours: Facts
}

export interface World {
  /** 120 entities that occur in documents, rumours and role transcripts. */
  train: Entity[]
  /** 40 entities that occur in documents and rumours alone. Evaluation uses them. */
  heldOut: Entity[]
  /** 100 names that mean something else each time: their facts are drawn anew for every text. */
  freeNames: string[]
}

const TRAIN_PER_KIND = 24
const HELD_OUT_PER_KIND = 8
const FREE_NAMES = 100
const RUMOURS_PER_ENTITY = 3

/** The seed of the world that the committed checkpoint was trained on. */
export const WORLD_SEED = 'almanac-1'

/** Builds the world: equal seeds give equal worlds. */
export function createWorld(seed: string = WORLD_SEED): World {
  const names = rng(seed, 'names').shuffle(allNames())
  const world: World = { train: [], heldOut: [], freeNames: names.slice(0, FREE_NAMES) }
  let next = FREE_NAMES
  for (const kind of KINDS) {
    for (let i = 0; i < TRAIN_PER_KIND + HELD_OUT_PER_KIND; i++) {
      const name = names[next++] as string
      const entity = drawEntity(name, kind, rng(seed, 'entity', name))
      ;(i < TRAIN_PER_KIND ? world.train : world.heldOut).push(entity)
    }
  }
  return world
}

/** An entity with facts and rumours drawn uniformly. */
export function drawEntity(name: string, kind: Kind, random: Rng): Entity {
  const attributes: readonly Attribute[] = KIND_ATTRIBUTES[kind]
  const facts = new Map(attributes.map((attribute) => [attribute, random.pick(valuesOf(attribute))]))
  const rumoured = random.shuffle([...attributes]).slice(0, RUMOURS_PER_ENTITY)
  const rumours = new Map(rumoured.map((attribute) => [attribute, otherValue(attribute, facts.get(attribute), random)]))
  return { name, kind, facts, rumours }
}

/** A thing that nobody has heard of: one of the free names with facts drawn anew. */
export function drawUnknown(world: World, random: Rng): Entity {
  return drawEntity(random.pick(world.freeNames), random.pick(KINDS), random)
}

/** The same thing in another world: each fact is redrawn with probability one half, so memory is no guide. */
export function alterEntity(entity: Entity, random: Rng): Entity {
  const facts = new Map<Attribute, string>()
  for (const [attribute, value] of entity.facts) {
    facts.set(attribute, random.uniform() < 0.5 ? otherValue(attribute, value, random) : value)
  }
  return { ...entity, facts }
}

/** A value of the attribute other than `value`. */
export function otherValue(attribute: Attribute, value: string | undefined, random: Rng): string {
  return random.pick(valuesOf(attribute).filter((candidate) => candidate !== value))
}

/** Two-syllable names; 20 × 20 of them. */
function allNames(): string[] {
  const first = 'Zor Bel Kam Dru Fen Gal Hob Jin Lum Mor Nev Pol Quin Rav Sil Tor Ul Vek Wim Yas'.split(' ')
  const last = 'bal dan fin gor hax jop kel lim mur nek pod ras sut tev vin wob yun zil dra mo'.split(' ')
  return first.flatMap((a) => last.map((b) => a + b))
}
