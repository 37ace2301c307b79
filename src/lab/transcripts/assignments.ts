/**
 * What is asked in each of the laboratory's tasks, and how people answer it: questions about facts, calls for a short tale,
 * questions that ask for a form. Knows nothing of prompts and tags.
 */
import type { Rng } from '../../core/rng.ts'
import { demandPhrase, demandValues, DEMAND_NAMES, observed } from '../demands.ts'
import type { Demand, DemandName } from '../demands.ts'
import type { LabTaskName } from '../task.ts'
import type { Attribute } from '../world/attributes.ts'
import type { Entity, Facts } from '../world/entities.ts'
import { drawAnswer, drawClaims, referenceAnswer } from './answers.ts'
import type { Claim, Said } from './answers.ts'
import { writeFormatted } from './formats.ts'
import { listOf, writeQuestion } from './roles.ts'
import { writeTale } from './tales.ts'

/** A question, and what it asks for. */
export interface Assignment {
  task: LabTaskName
  entity: Entity
  asked: readonly Attribute[]
  demands: readonly Demand[]
  text: string
}

export interface Reply {
  text: string
  said: Said[]
}

/** With which an author does as asked, for each demand. */
const OBEYS = 0.6

const MOST_ASKED: Record<LabTaskName, number> = { lab: 4, 'lab-tales': 3, 'lab-format': 3 }

/** An assignment on two or more of `attributes`, in their order. */
export function drawAssignment(
  task: LabTaskName,
  entity: Entity,
  attributes: readonly Attribute[],
  random: Rng,
): Assignment {
  const count = 2 + random.below(MOST_ASKED[task] - 1)
  const chosen = new Set(random.shuffle([...attributes]).slice(0, count))
  const asked = attributes.filter((attribute) => chosen.has(attribute))
  const demands = drawDemands(task, random)
  return { task, entity, asked, demands, text: writeAssignment(task, entity, asked, demands, random) }
}

function drawDemands(task: LabTaskName, random: Rng): Demand[] {
  const draw = (name: DemandName): Demand => ({ name, gold: random.pick(demandValues(name)) })
  if (task === 'lab') return []
  if (task === 'lab-tales') return [draw('length')]
  const left = random.pick(['opening', 'separator', 'closing'] as const)
  return DEMAND_NAMES.filter((name) => name !== 'length' && name !== left).map(draw)
}

function writeAssignment(
  task: LabTaskName,
  { kind, name }: Entity,
  asked: readonly Attribute[],
  demands: readonly Demand[],
  random: Rng,
): string {
  const phrases = demands.map(demandPhrase).join(' and ')
  if (task === 'lab') return writeQuestion(kind, name, asked, random)
  if (task === 'lab-tales') return `Tell a tale of ${phrases} on the ${kind} ${name} and its ${listOf(asked)}.`
  return `${writeQuestion(kind, name, asked, random)} Please ${phrases}.`
}

/** An answer from a person with a belief, a style, and an ear for demands of their own. */
export function drawReply(assignment: Assignment, random: Rng): Reply {
  const { task, entity, asked } = assignment
  if (task === 'lab') {
    const { text, claims } = drawAnswer(entity, asked, random)
    return { text, said: claims }
  }
  const claims = drawClaims(entity, asked, random)
  return replyOf(
    assignment,
    claims,
    (demand) => (random.uniform() < OBEYS ? demand.gold : otherThan(demand, random)),
    random,
  )
}

/** The answer that does all that is asked, with the values of `facts`. */
export function referenceReply(assignment: Assignment, facts: Facts, random: Rng): string {
  if (assignment.task === 'lab') return referenceAnswer(assignment.asked, facts)
  const claims = assignment.asked.map((attribute): Claim => {
    return { attribute, values: [facts.get(attribute) ?? ''], omitted: false }
  })
  return replyOf(assignment, claims, ({ gold }) => gold, random).text
}

function replyOf(
  { task, entity, demands }: Assignment,
  claims: readonly Claim[],
  shown: (demand: Demand) => string | undefined,
  random: Rng,
): Reply {
  const chosen = new Map(demands.map((demand) => [demand.name, shown(demand)]))
  const text =
    task === 'lab-tales'
      ? writeTale(entity.kind, entity.name, claims, chosen.get('length') ?? '', random)
      : writeFormatted(claims, {
          opening: chosen.get('opening'),
          separator: chosen.get('separator') ?? 'commas',
          closing: chosen.get('closing'),
        })
  return {
    text,
    said: [...claims, ...demands.map(({ name }) => ({ attribute: name, values: [observed(name, text)] }))],
  }
}

/** Another value, or none where a text can do without. */
function otherThan({ name, gold }: Demand, random: Rng): string | undefined {
  if ((name === 'opening' || name === 'closing') && random.uniform() < 0.5) return undefined
  return random.pick(demandValues(name).filter((value) => value !== gold))
}
