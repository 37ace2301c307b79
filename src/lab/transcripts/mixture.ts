/**
 * The pretraining mixture: an endless, seeded stream of samples; sample i is a function of (seed, i), so a resumed
 * pretraining goes on where it stopped. Held-out entities occur in documents and rumours alone.
 */
import { rng } from '../../core/rng.ts'
import type { Rng } from '../../core/rng.ts'
import { proposerMessages, rubricMessages, scorerMessages, solverMessages } from '../task.ts'
import type { LabCriterion, LabMessage } from '../task.ts'
import { END_OF_TEXT } from '../tokenizer/template.ts'
import { ATTRIBUTES, KIND_ATTRIBUTES, valuesOf } from '../world/attributes.ts'
import type { Attribute } from '../world/attributes.ts'
import { writeAlmanacEntry, writeNotice, writeRumour, writeStatements } from '../world/documents.ts'
import { drawUnknown, otherValue } from '../world/entities.ts'
import type { Entity, World } from '../world/entities.ts'
import { drawAnswer, drawBelief, referenceAnswer } from './answers.ts'
import type { Claim } from './answers.ts'
import { evaluation, proposal, rubric, solution, thought, writeQuestion } from './roles.ts'
import { chat, drawKind, drawSubject, everyone, goldsOf, plain, spoil } from './sample.ts'
import type { Text } from './sample.ts'

export type PretrainingSample = Text & { kind: BaseKind }

/** Share of each kind, by samples: first mostly transcripts whose every word follows from the prompt: reading and judging … */
export const READING_MIXTURE = {
  document: 0.05,
  notice: 0.06,
  rumour: 0.03,
  solve: 0.05,
  propose: 0.18,
  rubric: 0.16,
  ungroundedRubric: 0.01,
  score: 0.3,
  worksheet: 0.04,
  comparison: 0.02,
  recall: 0.1,
} as const

export type BaseKind = keyof typeof READING_MIXTURE
type Mixture = Record<BaseKind, number>

/** … then knowledge too, which needs many repetitions. */
export const KNOWLEDGE_MIXTURE: Mixture = {
  document: 0.09,
  notice: 0.19,
  rumour: 0.09,
  solve: 0.16,
  propose: 0.13,
  rubric: 0.17,
  ungroundedRubric: 0.01,
  score: 0.11,
  worksheet: 0.015,
  comparison: 0.005,
  recall: 0.03,
}

/** Samples before knowledge begins. */
const READING_SAMPLES = 40_000

/** The mixture of sample number `index`. */
export function mixtureAt(index: number): Mixture {
  return index < READING_SAMPLES ? READING_MIXTURE : KNOWLEDGE_MIXTURE
}

/** Writes a sample of each kind. */
export const BASE_WRITERS: Record<BaseKind, (world: World, random: Rng) => Text> = {
  document: (world, random) => plain(writeAlmanacEntry(random.pick(everyone(world)), random).text),
  notice: (world, random) => plain(writeNotice(random.pick(everyone(world)), random)),
  rumour: (world, random) => plain(writeRumour(random.pick(everyone(world)), random)),
  solve: writeSolve,
  propose: writePropose,
  rubric: writeRubric,
  ungroundedRubric: writeUngroundedRubric,
  score: writeScore,
  worksheet: (_world, random) => plain(writeWorksheet(random)),
  comparison: (_world, random) => plain(writeComparison(random)),
  recall: (world, random) => writeRecall(world, 1 + random.below(8), random),
}

/** Sample number `index` of the stream named by `seed`. */
export function pretrainingSample(world: World, seed: string | number, index: number): PretrainingSample {
  const random = rng(seed, 'pretraining', index)
  const kind = drawKind(mixtureAt(index), random)
  return { kind, ...BASE_WRITERS[kind](world, random) }
}

/** Sample number `index` of the exercises before the mixture: one to `most` comparisons of two values. */
export function comparisonSample(seed: string | number, index: number, most: number): PretrainingSample {
  const random = rng(seed, 'comparisons', index)
  const lines = Array.from({ length: 1 + random.below(most) }, () => {
    const attribute = random.pick(ATTRIBUTES)
    const gold = random.pick(valuesOf(attribute))
    return thought(gold, [random.uniform() < 0.5 ? gold : otherValue(attribute, gold, random)])
  })
  return { kind: 'comparison', ...plain(lines.join('.')) }
}

/** Exercise number `index` of reading: one to `most` statements about an unknown thing, and what they said. */
export function recallSample(world: World, seed: string | number, index: number, most: number): PretrainingSample {
  const random = rng(seed, 'recall', index)
  return { kind: 'recall', ...writeRecall(world, 1 + random.below(most), random) }
}

function writeRecall(world: World, statements: number, random: Rng): Text {
  const entity = drawUnknown(world, random)
  const stated = random.shuffle([...entity.facts.keys()]).slice(0, statements)
  const asked = random.shuffle([...stated]).slice(0, 1 + random.below(Math.min(3, statements)))
  const given = `About the ${entity.kind} ${entity.name}. ${writeStatements(entity, stated, random)}`
  return {
    prompt: `${END_OF_TEXT} ${given}`,
    completion: ` ${entity.name}: ${referenceAnswer(asked, entity.facts)}${END_OF_TEXT}`,
  }
}

/** Two to four of `attributes`, in their order. */
export function drawAsked(attributes: readonly Attribute[], random: Rng): Attribute[] {
  const chosen = new Set(random.shuffle([...attributes]).slice(0, 2 + random.below(3)))
  return attributes.filter((attribute) => chosen.has(attribute))
}

function writeSolve(world: World, random: Rng): Text {
  const entity = random.uniform() < 0.05 ? drawUnknown(world, random) : random.pick(world.train)
  const asked = drawAsked(random.shuffle([...KIND_ATTRIBUTES[entity.kind]]), random)
  const question = writeQuestion(entity.kind, entity.name, asked, random)
  return chat(solverMessages(question), solution(drawAnswer(entity, asked, random).text))
}

function writePropose(world: World, random: Rng): Text {
  const entity = drawSubject(world, random)
  const { text, stated } = writeAlmanacEntry(entity, random)
  const asked = drawAsked(stated, random)
  const question = writeQuestion(entity.kind, entity.name, asked, random)
  return chat(proposerMessages(text), proposal(question, referenceAnswer(asked, entity.facts)))
}

function writeRubric(world: World, random: Rng): Text {
  const { messages, criteria } = drawRubricCase(drawSubject(world, random), random)
  return chat(messages, rubric(criteria))
}

/** A rubric writer's prompt about a document of `entity`, and the criteria that are right for it. */
export function drawRubricCase(entity: Entity, random: Rng): { messages: LabMessage[]; criteria: LabCriterion[] } {
  const { text, stated } = writeAlmanacEntry(entity, random)
  const asked = drawAsked(stated, random)
  const question = writeQuestion(entity.kind, entity.name, asked, random)
  const believed = random.uniform() < 0.2 ? spoil(entity.facts, asked, random) : entity.facts
  const reference = referenceAnswer(asked, believed)
  const candidates = drawCandidates(entity, asked, random)
  return {
    messages: rubricMessages({ document: text, question, reference, candidates }),
    criteria: goldsOf(asked, entity.facts),
  }
}

function writeUngroundedRubric(world: World, random: Rng): Text {
  const entity = random.pick(world.train)
  const asked = drawAsked(random.shuffle([...KIND_ATTRIBUTES[entity.kind]]), random)
  const question = writeQuestion(entity.kind, entity.name, asked, random)
  const candidates = drawCandidates(entity, asked, random)
  const messages = rubricMessages({ document: undefined, question, reference: '', candidates })
  return chat(messages, rubric(goldsOf(asked, drawBelief(entity, random).facts)))
}

function writeScore(world: World, random: Rng): Text {
  const entity = random.uniform() < 0.5 ? drawUnknown(world, random) : random.pick(world.train)
  const { messages, criteria, claims } = drawScoreCase(entity, random)
  return chat(messages, evaluation(criteria, claims))
}

/** A scorer's prompt about `entity` with the criteria to rate and what the answer claims; a third have random golds. */
export function drawScoreCase(
  entity: Entity,
  random: Rng,
): { messages: LabMessage[]; criteria: LabCriterion[]; claims: Claim[] } {
  const asked = drawAsked(random.shuffle([...KIND_ATTRIBUTES[entity.kind]]), random)
  const question = writeQuestion(entity.kind, entity.name, asked, random)
  const answer = drawAnswer(entity, asked, random)
  const criteria = goldsOf(asked, random.uniform() < 1 / 3 ? spoil(entity.facts, asked, random) : entity.facts)
  return {
    messages: scorerMessages({ question, rubric: criteria, answer: answer.text }),
    criteria,
    claims: answer.claims,
  }
}

/** One comparison, or a few. */
function writeComparison(random: Rng): string {
  return Array.from({ length: random.uniform() < 0.5 ? 1 : 2 + random.below(2) }, () => compare(random)).join('.')
}

/** Many comparisons in a row: the judge's skill and nothing else. */
function writeWorksheet(random: Rng): string {
  return Array.from({ length: 4 + random.below(12) }, () => compare(random)).join('.')
}

/** A random value against one or two others, half of them equal to it. */
function compare(random: Rng): string {
  const attribute = random.pick(ATTRIBUTES)
  const gold = random.pick(valuesOf(attribute))
  const first = random.uniform() < 0.5 ? gold : otherValue(attribute, gold, random)
  if (random.uniform() < 0.75) return thought(gold, [first])
  const second = first !== gold && random.uniform() < 0.5 ? gold : otherValue(attribute, first, random)
  return thought(gold, [first, second])
}

/** Up to two answers of others, as the rubric writer sees them. Without any, the document is easier to find. */
function drawCandidates(entity: Entity, asked: readonly Attribute[], random: Rng): string[] {
  return Array.from({ length: Math.min(2, random.below(4)) }, () => drawAnswer(entity, asked, random).text)
}
