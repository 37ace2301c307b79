/**
 * What the laboratory's model can do, measured on held-out entities: the gates of its pretraining. Knows models only
 * through `LanguageModel`; nothing measured here enters training.
 */
import { deriveSeed, rng } from '../core/rng.ts'
import { mean, pairAccuracy, rankCorrelation } from '../evaluation/index.ts'
import type { Criterion, LanguageModel } from '../records/index.ts'
import { scoreEvaluation } from '../roles/index.ts'
import { each, reply, sample } from './asking.ts'
import type { SkillOptions } from './asking.ts'
import { labCorpus } from './corpus.ts'
import type { LabDocument, LabSubjects } from './corpus.ts'
import { oracleScore } from './oracle.ts'
import { labTask } from './profile.ts'
import { heldOutQuestions, readQuestion } from './questions.ts'
import { drawRubricCase, drawScoreCase } from './transcripts/mixture.ts'
import { rate } from './transcripts/roles.ts'
import { alterEntity } from './world/entities.ts'
import type { World } from './world/entities.ts'

/** Shares on 0–1 unless said otherwise. */
export interface SkillReport {
  /** Ratings equal to the truth, given a rubric and an answer. */
  ratingsRight: number
  /** Golds that follow the document, on the almanac's documents and on altered ones. */
  goldsRight: number
  goldsRightAltered: number
  /** Proposals whose question has an answer in the document; of these, references that are right. */
  questionAnswerable: number
  referenceRight: number
  /** Replies that parse, by role. */
  valid: { proposer: number; solver: number; rubric: number; scorer: number }
  /** Self-scores against the oracle over whole self-play on held-out documents. */
  judge: JudgeQuality
  /** The oracle's score of answers. */
  solver: { sampled: number; bestOf: number; greedy: number; meanAnswerWords: number }
}

export type { SkillOptions }

export interface JudgeQuality {
  rankCorrelation: number
  pairAccuracy: number
  /** Pairs that the oracle orders. */
  pairs: number
}

/** The least that a checkpoint must show. */
export const SKILL_GATES = { worksheetLoss: 0.05, ratingsRight: 0.95, goldsRightAltered: 0.95, valid: 0.97 } as const

/** Which gates the report fails, in words; empty when it passes. */
export function failedGates(report: SkillReport): string[] {
  const low = (name: string, value: number, least: number): string[] =>
    value >= least ? [] : [`${name} ${value.toFixed(3)} < ${least}`]
  return [
    ...low('ratings right', report.ratingsRight, SKILL_GATES.ratingsRight),
    ...low('golds right on altered documents', report.goldsRightAltered, SKILL_GATES.goldsRightAltered),
    ...Object.entries(report.valid).flatMap(([role, value]) => low(`valid replies, ${role}`, value, SKILL_GATES.valid)),
  ]
}

/** Measures everything. About 60 × `cases` calls at 8 candidates. */
export async function measureSkills(model: LanguageModel, world: World, options: SkillOptions): Promise<SkillReport> {
  const ratings = await measureRatings(model, world, options)
  const golds = await measureGolds(model, world, options, false)
  const altered = await measureGolds(model, world, options, true)
  const play = await playDocuments(model, world, { ...options, subjects: 'heldOut', groundRubric: true })
  return {
    ratingsRight: ratings,
    goldsRight: golds,
    goldsRightAltered: altered,
    ...proposerFigures(play),
    valid: validity(play),
    judge: judgeQuality(play),
    solver: await measureSolver(model, world, options),
  }
}

async function measureRatings(model: LanguageModel, world: World, options: SkillOptions): Promise<number> {
  const right = await each(options, async (i) => {
    const random = rng(options.seed, 'ratings', i)
    const { messages, criteria, claims } = drawScoreCase(random.pick(world.heldOut), random)
    const evaluation = await reply(model, labTask.scorer, messages, options, `ratings/${i}`)
    return criteria.map(({ name, gold }) => {
      const values = claims.find((claim) => claim.attribute === name)?.values ?? []
      const rated = evaluation?.find((rating) => rating.name.trim() === name)?.rating
      return rated === rate(gold, values) ? 1 : 0
    })
  })
  return mean(right.flat())
}

async function measureGolds(
  model: LanguageModel,
  world: World,
  options: SkillOptions,
  altered: boolean,
): Promise<number> {
  const right = await each(options, async (i) => {
    const random = rng(options.seed, 'golds', i)
    const known = random.pick(world.heldOut)
    const { messages, criteria } = drawRubricCase(altered ? alterEntity(known, random) : known, random)
    const rubric = await reply(model, labTask.rubricWriter, messages, options, `golds/${i}`)
    return criteria.map(({ name, gold }) => (goldOf(rubric, name) === gold ? 1 : 0))
  })
  return mean(right.flat())
}

function goldOf(rubric: readonly Criterion[] | null, name: string): string | undefined {
  return rubric?.find((criterion) => criterion.name.trim() === name)?.gold.trim()
}

async function measureSolver(
  model: LanguageModel,
  world: World,
  options: SkillOptions,
): Promise<SkillReport['solver']> {
  const questions = heldOutQuestions(world, options.seed, Math.ceil(options.cases / world.heldOut.length))
  const results = await Promise.all(
    questions.map(async (question) => {
      const messages = labTask.solver.messages({ problem: question.text })
      const ask = (n: number, temperature: number): Promise<(string | null)[]> =>
        sample(model, labTask.solver, messages, n, temperature, deriveSeed(options.seed, 'solver', question.id))
      const [answers, greedy] = await Promise.all([ask(options.candidates, 1), ask(1, 0)])
      const scores = answers.map((answer) => oracleScore(world, question, answer))
      const words = answers.flatMap((answer) => (answer === null ? [] : answer.split(/\s+/).length))
      return { scores, words, greedy: oracleScore(world, question, greedy[0] ?? null) }
    }),
  )
  return {
    sampled: mean(results.flatMap(({ scores }) => scores)),
    bestOf: mean(results.map(({ scores }) => Math.max(...scores))),
    greedy: mean(results.map(({ greedy }) => greedy)),
    meanAnswerWords: mean(results.flatMap(({ words }) => words)),
  }
}

/** What became of one document in self-play. */
export interface Play {
  document: LabDocument
  proposal: { problem: string; referenceAnswer: string } | null
  /** The question has an answer in the document. */
  answerable: boolean
  referenceRight: boolean
  rubricValid: boolean | null
  candidates: { answer: string | null; self: number | null; oracle: number; scoreValid: boolean | null }[]
}

export interface PlayOptions extends SkillOptions {
  subjects: LabSubjects
  groundRubric: boolean
}

/** The whole loop on `cases` documents, judged by the oracle where the question has a known answer. */
export async function playDocuments(model: LanguageModel, world: World, options: PlayOptions): Promise<Play[]> {
  const documents = labCorpus({ seed: `${options.seed}/play`, documents: options.cases, subjects: options.subjects })
  return Promise.all(documents.map((document, i) => playDocument(model, world, document, options, `play/${i}`)))
}

async function playDocument(
  model: LanguageModel,
  world: World,
  document: LabDocument,
  options: PlayOptions,
  key: string,
): Promise<Play> {
  const { entity, stated } = document.truth
  const messages = labTask.proposer.messages({ document: document.text })
  const proposal = await reply(model, labTask.proposer, messages, options, `${key}/propose`)
  const known = proposal === null ? undefined : readQuestion(proposal.problem, entity, stated)
  if (proposal === null || known === undefined) {
    return { document, proposal, answerable: false, referenceRight: false, rubricValid: null, candidates: [] }
  }
  const solverPrompt = labTask.solver.messages({ problem: proposal.problem })
  const answers = await sample(
    model,
    labTask.solver,
    solverPrompt,
    options.candidates,
    1,
    deriveSeed(options.seed, key, 'solve'),
  )
  const rubric = await writeRubric(model, document, proposal, answers, options, key)
  const candidates = await Promise.all(
    answers.map(async (answer, i) => {
      const oracle = oracleScore(world, known, answer)
      return {
        answer,
        oracle,
        ...(await selfScore(model, proposal.problem, rubric, answer, options, `${key}/score/${i}`)),
      }
    }),
  )
  const referenceRight = oracleScore(world, known, proposal.referenceAnswer) === 1
  return { document, proposal, answerable: true, referenceRight, rubricValid: rubric !== null, candidates }
}

function writeRubric(
  model: LanguageModel,
  document: LabDocument,
  proposal: { problem: string; referenceAnswer: string },
  answers: (string | null)[],
  options: PlayOptions,
  key: string,
): Promise<Criterion[] | null> {
  const messages = labTask.rubricWriter.messages({
    ...proposal,
    document: options.groundRubric ? document.text : null,
    candidates: labTask.rubricCandidates(answers.filter((answer) => answer !== null)),
  })
  return reply(model, labTask.rubricWriter, messages, options, `${key}/rubric`)
}

async function selfScore(
  model: LanguageModel,
  problem: string,
  rubric: Criterion[] | null,
  answer: string | null,
  options: SkillOptions,
  key: string,
): Promise<{ self: number | null; scoreValid: boolean | null }> {
  if (rubric === null || answer === null) return { self: null, scoreValid: null }
  const messages = labTask.scorer.messages({ problem, rubric, answer })
  const evaluation = await reply(model, labTask.scorer, messages, options, key)
  if (evaluation === null) return { self: null, scoreValid: false }
  const score = scoreEvaluation(rubric, evaluation, { missingCriterion: 'zero' })
  return { self: score.status === 'scored' ? score.value : null, scoreValid: true }
}

/** Self-scores against the oracle: rank correlation over all answers, pair accuracy within questions. */
export function judgeQuality(plays: readonly Play[]): JudgeQuality {
  const groups = plays.map(({ candidates }) => {
    const judged = candidates.flatMap(({ self, oracle }) => (self === null ? [] : [{ self, oracle }]))
    return { truth: judged.map(({ oracle }) => oracle), judged: judged.map(({ self }) => self) }
  })
  const { accuracy, n } = pairAccuracy(groups)
  const correlation = rankCorrelation(
    groups.flatMap(({ judged }) => judged),
    groups.flatMap(({ truth }) => truth),
  )
  return { rankCorrelation: correlation, pairAccuracy: accuracy, pairs: n }
}

function proposerFigures(plays: readonly Play[]): Pick<SkillReport, 'questionAnswerable' | 'referenceRight'> {
  const answerable = plays.filter((play) => play.answerable)
  return {
    questionAnswerable: answerable.length / plays.length,
    referenceRight: answerable.filter((play) => play.referenceRight).length / answerable.length,
  }
}

function validity(plays: readonly Play[]): SkillReport['valid'] {
  const share = (flags: boolean[]): number => mean(flags.map((flag) => (flag ? 1 : 0)))
  const candidates = plays.flatMap((play) => play.candidates)
  return {
    proposer: share(plays.map((play) => play.proposal !== null)),
    solver: share(candidates.map(({ answer }) => answer !== null)),
    rubric: share(plays.flatMap((play) => play.rubricValid ?? [])),
    scorer: share(candidates.flatMap(({ scoreValid }) => scoreValid ?? [])),
  }
}
