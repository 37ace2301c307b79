/**
 * What a run will ask for, before it is run: calls and tokens of each stage, from the prompts themselves and either
 * assumed lengths of replies or what a pilot measured. Pure.
 */
import type { Config, ModelEndpoint, Price } from '../records/index.ts'
import type { TaskProfile } from '../roles/index.ts'

export const plannedStages = ['propose', 'solve', 'rubric', 'score', 'evaluate'] as const
export type PlannedStage = (typeof plannedStages)[number]

/** Sums over some questions. */
export interface Amounts {
  readonly calls: number
  readonly promptTokens: number
  readonly completionTokens: number
}

export interface StagePlan extends Amounts {
  readonly stage: PlannedStage
  readonly model: string
  /** In the currency of the prices; null without a price. */
  readonly cost: number | null
}

/** What one role needs of a model's context, in tokens (estimated). */
export interface ContextNeed {
  readonly stage: Exclude<PlannedStage, 'evaluate'>
  readonly prompt: number
  readonly completion: number
}

export interface RunPlan {
  readonly documents: number
  readonly questions: number
  readonly rounds: number
  readonly stages: readonly StagePlan[]
  readonly total: Amounts & { readonly cost: number | null }
  /** Models without a price, which are in no cost. */
  readonly unpriced: readonly string[]
  readonly diskBytes: number
}

/** Completion tokens of a reply where nothing was measured. */
export const assumedReply = { propose: 500, solve: 500, rubric: 600, score: 300 } as const
/** Tokens of a question, a reference answer and a rubric inside later prompts. */
const assumedQuestion = 150
const assumedReference = 120
const assumedRubric = 350

/** Tokens of a text: a quarter of its bytes in UTF-8, near enough for planning in most languages. */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4)
}

const filler = (tokens: number): string => 'abc '.repeat(tokens)

/** Amounts of one question by stage, with assumed replies. `texts`: documents of the corpus. */
export function assumeQuestion(
  config: Config,
  task: TaskProfile,
  texts: readonly string[],
): Record<PlannedStage, Amounts> {
  const { candidates } = config.synthesis
  const prompts = promptTokens(config, task, texts, 1)
  const limit = (stage: Exclude<PlannedStage, 'evaluate'>, tokens: number): number =>
    Math.min(tokens, maxTokens(config, task, stage))
  const once = (stage: 'propose' | 'rubric'): Amounts => ({
    calls: 1,
    promptTokens: prompts[stage],
    completionTokens: limit(stage, assumedReply[stage]),
  })
  const judgements = judgementsOf(config)
  return {
    propose: once('propose'),
    solve: { calls: 1, promptTokens: prompts.solve, completionTokens: candidates * limit('solve', assumedReply.solve) },
    rubric: config.scoring.rubric === 'none' ? { calls: 0, promptTokens: 0, completionTokens: 0 } : once('rubric'),
    score: {
      calls: judgements,
      promptTokens: judgements * prompts.score,
      completionTokens: judgements * limit('score', assumedReply.score),
    },
    evaluate: { calls: 0, promptTokens: 0, completionTokens: 0 },
  }
}

/** Calls of the judge for one question: each answer, every two in both orders, or each against one in both orders. */
function judgementsOf({ synthesis: { candidates }, scoring }: Config): number {
  const byMode = { pointwise: candidates, pairwise: candidates * (candidates - 1), anchored: 2 * (candidates - 1) }
  return byMode[scoring.mode] * scoring.readings
}

/** The longest prompt to be expected of each role (answers twice as long as assumed), and the room for its reply. */
export function contextNeeds(config: Config, task: TaskProfile, texts: readonly string[]): ContextNeed[] {
  const longest = texts.toSorted((a, b) => b.length - a.length).slice(0, 1)
  const prompts = promptTokens(config, task, longest, 2)
  const stages = ['propose', 'solve', 'rubric', 'score'] as const
  return stages.map((stage) => ({ stage, prompt: prompts[stage], completion: maxTokens(config, task, stage) }))
}

function maxTokens(config: Config, task: TaskProfile, stage: Exclude<PlannedStage, 'evaluate'>): number {
  const role = { propose: task.proposer, solve: task.solver, rubric: task.rubricWriter, score: task.scorer }[stage]
  return config.synthesis.maxTokens[stage] ?? role.sampling.maxTokens
}

/** Mean tokens of one prompt of each role over the texts. `factor`: on the assumed lengths of answers. */
function promptTokens(
  config: Config,
  task: TaskProfile,
  texts: readonly string[],
  factor: number,
): Record<Exclude<PlannedStage, 'evaluate'>, number> {
  const { synthesis } = config
  // What one role writes another one reads: no more of it than the writer may write.
  const written = (stage: 'propose' | 'solve' | 'rubric', tokens: number): number =>
    Math.min(tokens, maxTokens(config, task, stage))
  const answer = filler(written('solve', assumedReply.solve * factor))
  const problem = filler(written('propose', assumedQuestion * factor))
  const referenceAnswer = filler(written('propose', assumedReference * factor))
  const shown = task.rubricCandidates(Array.from({ length: synthesis.candidates }, () => answer))
  const description = filler(written('rubric', assumedRubric - 60))
  const rubric = [{ name: 'x', gold: filler(60), description, weight: 1 }]
  const tokens = (messages: readonly { content: string }[]): number =>
    messages.reduce((sum, { content }) => sum + estimateTokens(content) + 4, 0)
  const mean = (of: (document: string) => number): number =>
    texts.length === 0 ? of('') : Math.round(texts.reduce((sum, text) => sum + of(text), 0) / texts.length)
  const proposed = (text: string): number =>
    tokens(task.proposer.messages({ document: synthesis.groundQuestion ? text : null }))
  const rubrics = (text: string): number =>
    tokens(
      task.rubricWriter.messages({
        document: synthesis.groundRubric ? text : null,
        problem,
        referenceAnswer,
        candidates: shown,
      }),
    )
  return {
    propose: mean(proposed),
    solve: tokens(task.solver.messages({ problem })),
    rubric: mean(rubrics),
    score: tokens(task.scorer.messages({ problem, rubric, answer })),
  }
}

/**
 * The whole run, from the amounts of one question. The held-out suite is counted as its questions once (a proposal, draft
 * answers, a rubric) and each policy's answers with their judgements; benchmarks are not counted.
 */
export function planRun(config: Config, perQuestion: Readonly<Record<PlannedStage, Amounts>>): RunPlan {
  const { corpus, rounds, synthesis } = config
  const documents = corpus.documents * rounds
  const questions = documents * synthesis.questionsPerDocument
  const of = { ...perQuestion, evaluate: evaluationAmounts(config, perQuestion, questions) }
  const unpriced = new Set<string>()
  const stages = plannedStages.map((stage): StagePlan => {
    const endpoint = endpointOf(config, stage)
    const amounts = times(of[stage], questions)
    const price = priceOf(endpoint)
    if (price === null) unpriced.add(nameOf(endpoint))
    const cost =
      price === null ? null : (amounts.promptTokens * price.input + amounts.completionTokens * price.output) / 1e6
    return { stage, model: nameOf(endpoint), ...amounts, cost }
  })
  const sum = (field: keyof Amounts): number => stages.reduce((all, stage) => all + stage[field], 0)
  const costs = stages.flatMap(({ cost }) => cost ?? [])
  const total = {
    calls: sum('calls'),
    promptTokens: sum('promptTokens'),
    completionTokens: sum('completionTokens'),
    cost: costs.length === 0 ? null : costs.reduce((all, cost) => all + cost, 0),
  }
  return {
    documents,
    questions,
    rounds,
    stages,
    total,
    unpriced: [...unpriced],
    diskBytes: diskBytes(total, questions),
  }
}

/** Per question of self-play, so that all stages scale alike. */
function evaluationAmounts(
  { evaluation, rounds, synthesis: { candidates } }: Config,
  of: Readonly<Record<PlannedStage, Amounts>>,
  questions: number,
): Amounts {
  if (!evaluation.suites.includes('heldout')) return times(of.evaluate, 0)
  const { documents, samples } = evaluation
  const policies = rounds + 1
  const answered = documents * policies * (samples + 1) + documents * samples
  const judges = evaluation.secondJudge === undefined ? 1 : 2
  // Every answer by each judge, and the greedy ones against those of the start in both orders.
  const judged = judges * documents * policies * (samples + 1) + 2 * documents * rounds
  const perAnswer = of.solve.completionTokens / candidates
  const judgement = times(of.score, 1 / Math.max(1, of.score.calls))
  const all: Amounts = {
    calls: documents * (1 + judges) + documents + documents * policies * 2 + judged,
    promptTokens:
      documents * (of.propose.promptTokens + judges * of.rubric.promptTokens) +
      documents * (1 + 2 * policies) * of.solve.promptTokens +
      judged * judgement.promptTokens,
    completionTokens:
      documents * (of.propose.completionTokens + judges * of.rubric.completionTokens) +
      answered * perAnswer +
      judged * judgement.completionTokens,
  }
  return times(all, 1 / questions)
}

function times({ calls, promptTokens: prompt, completionTokens }: Amounts, factor: number): Amounts {
  return {
    calls: Math.round(calls * factor * 1e6) / 1e6,
    promptTokens: prompt * factor,
    completionTokens: completionTokens * factor,
  }
}

/** The journal holds each reply once, `examples.jsonl` again with its question's prompts, pairs two of them. */
function diskBytes({ completionTokens, calls }: Amounts, questions: number): number {
  const bytesPerToken = 4.4
  return Math.round(completionTokens * bytesPerToken * 2.2 + calls * 250 + questions * 12_000)
}

function endpointOf({ model, roles, evaluation }: Config, stage: PlannedStage): ModelEndpoint {
  const { proposer, solver, rubric, scorer } = roles
  const of = { propose: proposer, solve: solver, rubric, score: scorer, evaluate: evaluation.judge }
  return of[stage] ?? model
}

function nameOf(endpoint: ModelEndpoint): string {
  return endpoint.backend === 'embedded' ? endpoint.path : endpoint.name
}

/** Weights of one's own cost nothing by the token. */
function priceOf(endpoint: ModelEndpoint): Price | null {
  if (endpoint.backend === 'embedded') return { input: 0, output: 0 }
  return endpoint.backend === 'openai' ? (endpoint.price ?? null) : null
}
