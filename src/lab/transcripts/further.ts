/**
 * The last stage of pretraining: comparing two answers, judging without a rubric, asking without a document, tales and answers
 * in a form; between them samples of the stages before, so that nothing is lost. Held-out entities occur in plain texts alone.
 */
import { rng } from '../../core/rng.ts'
import type { Rng } from '../../core/rng.ts'
import type { Criterion } from '../../records/index.ts'
import {
  comparerMessages,
  OVERALL_CRITERION,
  proposerMessages,
  rubricMessages,
  scorerMessages,
  solverMessages,
} from '../task.ts'
import type { LabCriterion, LabMessage, LabTaskName } from '../task.ts'
import { KIND_ATTRIBUTES } from '../world/attributes.ts'
import { writeAlmanacEntry } from '../world/documents.ts'
import { drawUnknown } from '../world/entities.ts'
import type { Entity, Facts, World } from '../world/entities.ts'
import { drawBelief } from './answers.ts'
import type { Said } from './answers.ts'
import { drawAssignment, drawReply, referenceReply } from './assignments.ts'
import type { Assignment } from './assignments.ts'
import { anchoredRatings, betterAnswer, comparingThoughts, overallEvaluation } from './comparing.ts'
import type { Totals } from './comparing.ts'
import { BASE_WRITERS } from './mixture.ts'
import { evaluation, proposal, rubric, solution } from './roles.ts'
import { chat, drawKind, drawSubject, goldsOf, spoil } from './sample.ts'
import type { Text } from './sample.ts'

/** Share of each kind, by samples: first mostly judging … */
export const COMPARING_MIXTURE = {
  document: 0.03,
  notice: 0.11,
  rumour: 0.05,
  solve: 0.09,
  propose: 0.05,
  rubric: 0.06,
  ungroundedRubric: 0.02,
  score: 0.05,
  worksheet: 0.02,
  compare: 0.12,
  rate: 0.1,
  overallScore: 0.05,
  ungroundedPropose: 0.02,
  proposeTask: 0.05,
  solveTask: 0.07,
  rubricTask: 0.05,
  scoreTask: 0.06,
} as const

export type FurtherKind = keyof typeof COMPARING_MIXTURE
export type FurtherSample = Text & { kind: FurtherKind }
type Mixture = Record<FurtherKind, number>

/** … then telling tales and keeping a form too. */
export const TELLING_MIXTURE: Mixture = {
  document: 0.03,
  notice: 0.1,
  rumour: 0.05,
  solve: 0.09,
  propose: 0.06,
  rubric: 0.04,
  ungroundedRubric: 0.01,
  score: 0.04,
  worksheet: 0.01,
  compare: 0.1,
  rate: 0.13,
  overallScore: 0.03,
  ungroundedPropose: 0.01,
  proposeTask: 0.04,
  solveTask: 0.21,
  rubricTask: 0.03,
  scoreTask: 0.02,
}

/** Samples before telling begins. */
const COMPARING_SAMPLES = 25_000

/** The mixture of sample number `index`. */
export function furtherMixtureAt(index: number): Mixture {
  return index < COMPARING_SAMPLES ? COMPARING_MIXTURE : TELLING_MIXTURE
}

const WRITERS: Record<FurtherKind, (world: World, random: Rng) => Text> = {
  ...BASE_WRITERS,
  compare: (world, random) => writeComparing('Compare', world, random),
  rate: (world, random) => writeComparing('Rate', world, random),
  overallScore: writeOverall,
  ungroundedPropose: writeUngroundedProposal,
  proposeTask: writeProposal,
  solveTask: writeSolution,
  rubricTask: writeRubric,
  scoreTask: writeScore,
}

/** Sample number `index` of the stream named by `seed`. */
export function furtherSample(world: World, seed: string | number, index: number): FurtherSample {
  const random = rng(seed, 'further', index)
  const kind = drawKind(furtherMixtureAt(index), random)
  return { kind, ...WRITERS[kind](world, random) }
}

/** One of the two further tasks. */
function drawTask(random: Rng): LabTaskName {
  return random.uniform() < 0.5 ? 'lab-tales' : 'lab-format'
}

function anyAssignment(task: LabTaskName, entity: Entity, random: Rng): Assignment {
  return drawAssignment(task, entity, random.shuffle([...KIND_ATTRIBUTES[entity.kind]]), random)
}

/** The criteria of an assignment: its facts, then its demands. */
export function criteriaOf({ asked, demands }: Assignment, facts: Facts): LabCriterion[] {
  return [...goldsOf(asked, facts), ...demands.map(({ name, gold }) => ({ name, gold }))]
}

function writeProposal(world: World, random: Rng): Text {
  const task = drawTask(random)
  const entity = drawSubject(world, random)
  const { text, stated } = writeAlmanacEntry(entity, random)
  const assignment = drawAssignment(task, entity, stated, random)
  const reference = referenceReply(assignment, entity.facts, random)
  return chat(proposerMessages(text, task), proposal(assignment.text, reference))
}

/** Without a document somebody asks about what they know, and their reference is what they believe. */
function writeUngroundedProposal(world: World, random: Rng): Text {
  const entity = random.pick(world.train)
  const assignment = anyAssignment('lab', entity, random)
  const reference = referenceReply(assignment, drawBelief(entity, random).facts, random)
  return chat(proposerMessages(undefined), proposal(assignment.text, reference))
}

function writeSolution(world: World, random: Rng): Text {
  const assignment = anyAssignment(drawTask(random), random.pick(world.train), random)
  return chat(solverMessages(assignment.text, assignment.task), solution(drawReply(assignment, random).text))
}

function writeRubric(world: World, random: Rng): Text {
  const { messages, criteria } = drawTaskRubricCase(drawTask(random), drawSubject(world, random), random)
  return chat(messages, rubric(criteria))
}

/** As `drawRubricCase`, for any task. */
export function drawTaskRubricCase(
  task: LabTaskName,
  entity: Entity,
  random: Rng,
): { messages: LabMessage[]; criteria: LabCriterion[] } {
  const { text, stated } = writeAlmanacEntry(entity, random)
  const assignment = drawAssignment(task, entity, stated, random)
  const believed = random.uniform() < 0.2 ? spoil(entity.facts, assignment.asked, random) : entity.facts
  const reference = referenceReply(assignment, believed, random)
  const candidates = Array.from({ length: Math.min(2, random.below(4)) }, () => drawReply(assignment, random).text)
  return {
    messages: rubricMessages({ document: text, question: assignment.text, reference, candidates }),
    criteria: criteriaOf(assignment, entity.facts),
  }
}

function writeScore(world: World, random: Rng): Text {
  const { messages, criteria, said } = drawTaskScoreCase(drawTask(random), drawJudged(world, random), random)
  return chat(messages, evaluation(criteria, said))
}

/** Whom a judge's transcript is about: half unknown things, since the rubric holds all that it needs. */
function drawJudged(world: World, random: Rng): Entity {
  return random.uniform() < 0.5 ? drawUnknown(world, random) : random.pick(world.train)
}

/** As `drawScoreCase`, for any task; a third have random golds. */
export function drawTaskScoreCase(
  task: LabTaskName,
  entity: Entity,
  random: Rng,
): { messages: LabMessage[]; criteria: LabCriterion[]; said: Said[] } {
  const assignment = anyAssignment(task, entity, random)
  const { text, said } = drawReply(assignment, random)
  const criteria = drawCriteria(assignment, random)
  return { messages: scorerMessages({ question: assignment.text, rubric: criteria, answer: text }), criteria, said }
}

function drawCriteria(assignment: Assignment, random: Rng): LabCriterion[] {
  const { entity, asked } = assignment
  return criteriaOf(assignment, random.uniform() < 1 / 3 ? spoil(entity.facts, asked, random) : entity.facts)
}

export interface ComparingCase {
  input: { problem: string; rubric: Criterion[]; answers: readonly [a: string, b: string] }
  messages: LabMessage[]
  /** What the judge should write before its verdict. */
  thoughts: string
  totals: Totals
}

/** A comparing judge's prompt on two answers to one question, and what is right to say; a third have random golds. */
export function drawComparingCase(
  verb: 'Compare' | 'Rate',
  task: LabTaskName,
  entity: Entity,
  random: Rng,
): ComparingCase {
  const assignment = anyAssignment(task, entity, random)
  const criteria = drawCriteria(assignment, random)
  const [a, b] = [drawReply(assignment, random), drawReply(assignment, random)]
  const { text: thoughts, totals } = comparingThoughts(criteria, a.said, b.said)
  const answers: [string, string] = [a.text, b.text]
  const messages = comparerMessages(verb, { question: assignment.text, rubric: criteria, answers })
  const shown = criteria.map((criterion) => ({ ...criterion, description: `names the ${criterion.name}`, weight: 1 }))
  return { input: { problem: assignment.text, rubric: shown, answers }, messages, thoughts, totals }
}

function writeComparing(verb: 'Compare' | 'Rate', world: World, random: Rng): Text {
  const task = random.uniform() < 0.7 ? 'lab' : drawTask(random)
  const { messages, thoughts, totals } = drawComparingCase(verb, task, drawJudged(world, random), random)
  return chat(messages, verb === 'Compare' ? betterAnswer(thoughts, totals) : anchoredRatings(thoughts, totals))
}

/** Without a rubric the judge goes by what it believes itself, as the authors of answers do. */
function writeOverall(world: World, random: Rng): Text {
  const entity = random.pick(world.train)
  const assignment = anyAssignment('lab', entity, random)
  const { text, said } = drawReply(assignment, random)
  const believed = goldsOf(assignment.asked, drawBelief(entity, random).facts)
  const { name, gold } = OVERALL_CRITERION
  const messages = scorerMessages({ question: assignment.text, rubric: [{ name, gold }], answer: text })
  return chat(messages, overallEvaluation(name, believed, said))
}
