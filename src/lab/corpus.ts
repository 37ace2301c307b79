/**
 * The laboratory's documents for self-play: almanac entries about the training entities. The held-out entities have
 * no part in it; they belong to evaluation. Pure.
 */
import { hashValue } from '../core/hash.ts'
import { rng } from '../core/rng.ts'
import type { Document } from '../records/index.ts'
import type { Attribute } from './world/attributes.ts'
import { writeAlmanacEntry } from './world/documents.ts'
import { alterEntity, createWorld, drawUnknown } from './world/entities.ts'
import type { Entity, World } from './world/entities.ts'
import type { Rng } from '../core/rng.ts'

/**
 * Whom the documents are about. `known`: training entities, as the almanac has them (the default). `unknown`: names that
 * the model knows nothing of. `heldOut` and `altered` (held-out with changed facts) are for measuring alone.
 */
export type LabSubjects = 'known' | 'unknown' | 'heldOut' | 'altered'

export interface LabDocument extends Document {
  /** What the document says and of whom: for measuring; no role ever sees it. */
  truth: { entity: Entity; stated: Attribute[] }
}

export interface LabCorpusOptions {
  seed: string | number
  documents: number
  subjects?: LabSubjects
}

/** Seeded documents, each written anew; entities in a shuffled cycle, so that each comes up equally often. */
export function labCorpus(options: LabCorpusOptions): LabDocument[] {
  const world = createWorld()
  const subjects = options.subjects ?? 'known'
  const order = rng(options.seed, 'lab corpus').shuffle([...(subjects === 'known' ? world.train : world.heldOut)])
  return Array.from({ length: options.documents }, (_, i) => {
    const random = rng(options.seed, 'lab document', i)
    const entity = subjectOf(subjects, world, order, i, random)
    const { text, stated } = writeAlmanacEntry(entity, random)
    return { id: hashValue(text), text, source: `lab almanac, ${entity.name}`, truth: { entity, stated } }
  })
}

function subjectOf(subjects: LabSubjects, world: World, order: Entity[], i: number, random: Rng): Entity {
  if (subjects === 'unknown') return drawUnknown(world, random)
  const entity = order[i % order.length] as Entity
  return subjects === 'altered' ? alterEntity(entity, random) : entity
}
