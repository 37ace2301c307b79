/**
 * The skills of the last stage of pretraining, measured on held-out entities: comparing, judging without a rubric, tales and
 * answers in a form. Knows models only through `LanguageModel`; nothing measured here enters training.
 */
import { deriveSeed, rng } from '../core/rng.ts'
import { mean } from '../evaluation/index.ts'
import type { LanguageModel } from '../records/index.ts'
import { each, reply, sample } from './asking.ts'
import type { SkillOptions } from './asking.ts'
import { DEMAND_NAMES } from './demands.ts'
import { oracleParts } from './oracle.ts'
import { labTask, labTaskOf } from './profile.ts'
import { heldOutQuestions, readQuestion } from './questions.ts'
import { OVERALL_CRITERION, scorerMessages } from './task.ts'
import type { LabTaskName } from './task.ts'
import { drawAssignment, drawReply } from './transcripts/assignments.ts'
import { overallRating, ratingsOf, valuesOf } from './transcripts/comparing.ts'
import { drawComparingCase, drawTaskRubricCase, drawTaskScoreCase } from './transcripts/further.ts'
import { rate } from './transcripts/roles.ts'
import { goldsOf } from './transcripts/sample.ts'
import { KIND_ATTRIBUTES } from './world/attributes.ts'
import { writeAlmanacEntry } from './world/documents.ts'
import { alterEntity } from './world/entities.ts'
import type { World } from './world/entities.ts'

/** Shares on 0–1 unless said otherwise. */
export interface FurtherSkills {
  /** Verdicts for the answer that has gathered more under the rubric, of the cases that are no tie. */
  verdictsRight: number
  /** Verdicts that name the other answer when the two change places, of the same cases. */
  orderKept: number
  /** Mean distance of the ratings of two answers from the right ones, on 0–10. */
  ratingError: number
  /** Two ratings in the right order, of the cases that are no tie. */
  ratingsOrdered: number
  /** Ratings without a rubric that are what the almanac would give. */
  overallRight: number
  tales: TaskSkills
  form: TaskSkills
}

export interface TaskSkills {
  /** Proposals with a known answer, on documents about held-out things. */
  questionAnswerable: number
  /** Golds that follow altered documents and the question. */
  goldsRight: number
  /** Ratings equal to the truth: on attributes, and on length or form. */
  factRatingsRight: number
  demandRatingsRight: number
  /** The oracle's score of answers, sampled at T = 1, and what it is made of. */
  sampled: number
  facts: number
  demands: number
  bestOf: number
  greedy: number
  valid: number
}

/** The least that a checkpoint must show. Set after the first measurement, with room for the noise of 40 cases. */
export const FURTHER_GATES = { verdictsRight: 0.85, ratingsOrdered: 0.7, goldsRight: 0.85, valid: 0.95 } as const

/** Which gates the report fails, in words; empty when it passes. */
export function failedFurtherGates(report: FurtherSkills): string[] {
  const { verdictsRight, ratingsOrdered, tales, form } = report
  const shown: [string, number, number][] = [
    ['verdicts right', verdictsRight, FURTHER_GATES.verdictsRight],
    ['ratings of two answers in order', ratingsOrdered, FURTHER_GATES.ratingsOrdered],
    ['golds right, tales', tales.goldsRight, FURTHER_GATES.goldsRight],
    ['golds right, form', form.goldsRight, FURTHER_GATES.goldsRight],
    ['valid tales', tales.valid, FURTHER_GATES.valid],
    ['valid answers in a form', form.valid, FURTHER_GATES.valid],
  ]
  return shown
    .filter(([, value, least]) => !(value >= least))
    .map(([name, value, least]) => `${name} ${value.toFixed(3)} < ${least}`)
}

/** Measures everything. About 30 × `cases` calls at 8 candidates. */
export async function measureFurtherSkills(
  model: LanguageModel,
  world: World,
  options: SkillOptions,
): Promise<FurtherSkills> {
  return {
    ...(await measureVerdicts(model, world, options)),
    ...(await measureAnchored(model, world, options)),
    overallRight: await measureOverall(model, world, options),
    tales: await measureTask(model, world, 'lab-tales', options),
    form: await measureTask(model, world, 'lab-format', options),
  }
}

async function measureVerdicts(
  model: LanguageModel,
  world: World,
  options: SkillOptions,
): Promise<Pick<FurtherSkills, 'verdictsRight' | 'orderKept'>> {
  const { comparer } = labTask
  if (comparer === undefined) throw new Error('the laboratory’s task has no comparer')
  const cases = await each(options, async (i) => {
    const random = rng(options.seed, 'verdicts', i)
    const { input, totals } = drawComparingCase('Compare', 'lab', random.pick(world.heldOut), random)
    if (totals.a === totals.b) return []
    const [a, b] = input.answers
    const ask = (answers: readonly [string, string], name: string): Promise<'A' | 'B' | null> =>
      reply(model, comparer, comparer.messages({ ...input, answers }), options, `verdicts/${i}/${name}`)
    const [shown, swapped] = await Promise.all([ask([a, b], 'shown'), ask([b, a], 'swapped')])
    const kept = shown !== null && swapped !== null && shown !== swapped
    return [{ right: shown === (totals.a > totals.b ? 'A' : 'B') ? 1 : 0, kept: kept ? 1 : 0 }]
  })
  const all = cases.flat()
  return { verdictsRight: mean(all.map(({ right }) => right)), orderKept: mean(all.map(({ kept }) => kept)) }
}

/** Over twice the cases. */
async function measureAnchored(
  model: LanguageModel,
  world: World,
  options: SkillOptions,
): Promise<Pick<FurtherSkills, 'ratingError' | 'ratingsOrdered'>> {
  const { anchoredRater } = labTask
  if (anchoredRater === undefined) throw new Error('the laboratory’s task has no anchored rater')
  // A third of the cases are ties and say nothing of the order.
  const cases = await each({ ...options, cases: 2 * options.cases }, async (i) => {
    const random = rng(options.seed, 'anchored', i)
    const { messages, totals } = drawComparingCase('Rate', 'lab', random.pick(world.heldOut), random)
    const ratings = await reply(model, anchoredRater, messages, options, `anchored/${i}`)
    const truth = ratingsOf(totals)
    // A reply that cannot be read is as far away as can be.
    const error =
      ratings === null ? 10 : (Math.abs(ratings.ratingA - truth.a) + Math.abs(ratings.ratingB - truth.b)) / 2
    const difference = ratings === null ? 0 : ratings.ratingA - ratings.ratingB
    return { error, tie: totals.a === totals.b, ordered: difference * (totals.a - totals.b) > 0 ? 1 : 0 }
  })
  return {
    ratingError: mean(cases.map(({ error }) => error)),
    ratingsOrdered: mean(cases.filter(({ tie }) => !tie).map(({ ordered }) => ordered)),
  }
}

/** Against the almanac, which the model believes in about half of the cases: no more than that is to be expected where there are rumours. */
async function measureOverall(model: LanguageModel, world: World, options: SkillOptions): Promise<number> {
  const right = await each(options, async (i) => {
    const random = rng(options.seed, 'overall', i)
    const entity = random.pick(world.heldOut)
    const assignment = drawAssignment('lab', entity, random.shuffle([...KIND_ATTRIBUTES[entity.kind]]), random)
    const { text, said } = drawReply(assignment, random)
    const messages = scorerMessages({ question: assignment.text, rubric: [OVERALL_CRITERION], answer: text })
    const [rating] = (await reply(model, labTask.scorer, messages, options, `overall/${i}`)) ?? []
    return rating?.rating === overallRating(goldsOf(assignment.asked, entity.facts), said) ? 1 : 0
  })
  return mean(right)
}

async function measureTask(
  model: LanguageModel,
  world: World,
  task: LabTaskName,
  options: SkillOptions,
): Promise<TaskSkills> {
  return {
    questionAnswerable: await measureProposals(model, world, task, options),
    goldsRight: await measureTaskGolds(model, world, task, options),
    ...(await measureTaskRatings(model, world, task, options)),
    ...(await measureTaskSolver(model, world, task, options)),
  }
}

async function measureProposals(
  model: LanguageModel,
  world: World,
  task: LabTaskName,
  options: SkillOptions,
): Promise<number> {
  const { proposer } = labTaskOf(task)
  const answerable = await each(options, async (i) => {
    const random = rng(options.seed, 'proposals', task, i)
    const entity = random.pick(world.heldOut)
    const { text, stated } = writeAlmanacEntry(entity, random)
    const proposal = await reply(
      model,
      proposer,
      proposer.messages({ document: text }),
      options,
      `${task}/propose/${i}`,
    )
    return proposal !== null && readQuestion(proposal.problem, entity, stated, task) !== undefined ? 1 : 0
  })
  return mean(answerable)
}

async function measureTaskGolds(
  model: LanguageModel,
  world: World,
  task: LabTaskName,
  options: SkillOptions,
): Promise<number> {
  const { rubricWriter } = labTaskOf(task)
  const right = await each(options, async (i) => {
    const random = rng(options.seed, 'golds', task, i)
    const { messages, criteria } = drawTaskRubricCase(task, alterEntity(random.pick(world.heldOut), random), random)
    const rubric = await reply(model, rubricWriter, messages, options, `${task}/golds/${i}`)
    return criteria.map(({ name, gold }) => {
      return rubric?.find((criterion) => criterion.name.trim() === name)?.gold.trim() === gold ? 1 : 0
    })
  })
  return mean(right.flat())
}

async function measureTaskRatings(
  model: LanguageModel,
  world: World,
  task: LabTaskName,
  options: SkillOptions,
): Promise<Pick<TaskSkills, 'factRatingsRight' | 'demandRatingsRight'>> {
  const { scorer } = labTaskOf(task)
  const cases = await each(options, async (i) => {
    const random = rng(options.seed, 'ratings', task, i)
    const entity = random.pick(world.heldOut)
    const { messages, criteria, said } = drawTaskScoreCase(task, entity, random)
    const evaluation = await reply(model, scorer, messages, options, `${task}/ratings/${i}`)
    return criteria.map(({ name, gold }) => ({
      fact: !DEMAND_NAMES.some((demand) => demand === name),
      right: evaluation?.find((each) => each.name.trim() === name)?.rating === rate(gold, valuesOf(said, name)) ? 1 : 0,
    }))
  })
  const share = (fact: boolean): number =>
    mean(
      cases
        .flat()
        .filter((each) => each.fact === fact)
        .map(({ right }) => right),
    )
  return { factRatingsRight: share(true), demandRatingsRight: share(false) }
}

async function measureTaskSolver(
  model: LanguageModel,
  world: World,
  task: LabTaskName,
  options: SkillOptions,
): Promise<Pick<TaskSkills, 'sampled' | 'facts' | 'demands' | 'bestOf' | 'greedy' | 'valid'>> {
  const { solver } = labTaskOf(task)
  const questions = heldOutQuestions(world, options.seed, Math.ceil(options.cases / world.heldOut.length), task)
  const results = await Promise.all(
    questions.map(async (question) => {
      const messages = solver.messages({ problem: question.text })
      const ask = (n: number, temperature: number): Promise<(string | null)[]> =>
        sample(model, solver, messages, n, temperature, deriveSeed(options.seed, task, question.id))
      const [answers, greedy] = await Promise.all([ask(options.candidates, 1), ask(1, 0)])
      const parts = answers.map((answer) => oracleParts(world, question, answer, task))
      return { answers, parts, greedy: oracleParts(world, question, greedy[0] ?? null, task).score }
    }),
  )
  const parts = results.flatMap((result) => result.parts)
  const answers = results.flatMap((result) => result.answers)
  return {
    sampled: mean(parts.map(({ score }) => score)),
    facts: mean(parts.map(({ facts }) => facts)),
    demands: mean(parts.map(({ demands }) => demands ?? 0)),
    bestOf: mean(results.map((result) => Math.max(...result.parts.map(({ score }) => score)))),
    greedy: mean(results.map((result) => result.greedy)),
    valid: mean(answers.map((answer) => (answer === null ? 0 : 1))),
  }
}
