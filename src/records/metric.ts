import { z } from 'zod'
import { rubricSchema } from './example.ts'

/**
 * One optimizer step: a line of `metrics.jsonl`. Log-probs are sums over completion tokens in nats, averaged over pairs. Of a group
 * objective, chosen and rejected are the answers above and below their group's mean reward, and the margin is between those means.
 */
export const trainingStepSchema = z.strictObject({
  step: z.int(),
  epoch: z.number(),
  learningRate: z.number(),
  loss: z.number(),
  gradNorm: z.number(),
  chosenLogprob: z.number(),
  rejectedLogprob: z.number(),
  /** Mean of β·[(chosen − reference) − (rejected − reference)]; without a reference, in the objective's own scale. */
  margin: z.number(),
  /** Share of pairs with a positive margin. */
  accuracy: z.number(),
  /** Drift from the reference: KTO's z₀ in nats, of group objectives the estimated KL divergence per token. */
  kl: z.number().optional(),
  /** Of group objectives only. Mean reward, and its standard deviation within groups. */
  reward: z.number().optional(),
  rewardStd: z.number().optional(),
  /** Mean −log p of the sampled tokens, nats. */
  entropy: z.number().optional(),
  /** Share of tokens whose importance ratio was bounded. */
  clipped: z.number().optional(),
  /** Mean |log-prob now − log-prob when sampled| of a token, nats. */
  offPolicy: z.number().optional(),
  /** Mean tokens of an answer. */
  length: z.number().optional(),
  /** Questions trained on, questions left out because their rewards do not differ, updates since their answers were sampled. */
  groups: z.int().optional(),
  dropped: z.int().optional(),
  staleness: z.int().optional(),
  /** Tokens trained on in this step (prompt and completion of both sides). */
  tokens: z.int(),
  seconds: z.number(),
  tokensPerSecond: z.number(),
})
export type TrainingStep = z.infer<typeof trainingStepSchema>

/** A mean with its 95 % interval. */
export const estimateSchema = z.strictObject({ mean: z.number(), low: z.number(), high: z.number(), n: z.int() })
export type Estimate = z.infer<typeof estimateSchema>

/** One judgement about one answer. `score` is null where there is none: a failed judge, never a 0. */
export const verdictSchema = z.strictObject({
  name: z.string(),
  score: z.number().nullable(),
  /** What was said or found, for people. */
  detail: z.string().optional(),
})
export type Verdict = z.infer<typeof verdictSchema>

/** One answer of a policy to one question of a suite, with everything that was judged about it. */
export const suiteAnswerSchema = z.strictObject({
  id: z.string(),
  /** Index among the answers to this question. */
  sample: z.int(),
  response: z.string(),
  finishReason: z.enum(['stop', 'length', 'refusal', 'other']),
  /** The final answer as it was read from the response; null where none could be read, absent where none is read. */
  extracted: z.string().nullable().optional(),
  score: z.number().nullable(),
  /** Set for the answer at temperature 0 of a suite that also samples. */
  greedy: z.literal(true).optional(),
  verdicts: z.array(verdictSchema),
})
export type SuiteAnswer = z.infer<typeof suiteAnswerSchema>

/** A call that was given up, or a judge's reply that could not be read at any attempt. */
export const suiteFailureSchema = z.strictObject({
  /** Which call: the journal's key. */
  key: z.string(),
  by: z.enum(['policy', 'judge']),
  reason: z.enum(['callFailed', 'unreadable']),
  message: z.string(),
})
export type SuiteFailure = z.infer<typeof suiteFailureSchema>

/** The file that a suite was read from. */
export const suiteDataSchema = z.strictObject({
  source: z.string(),
  /** Commit of the repository it came from, where it came from one. */
  revision: z.string().optional(),
  sha256: z.string(),
  rows: z.int(),
})
export type SuiteData = z.infer<typeof suiteDataSchema>

/** A question of the held-out suite, as it was written before the first round. */
export const frozenQuestionSchema = z.strictObject({
  /** Of its document. */
  id: z.string(),
  problem: z.string(),
  rubric: rubricSchema,
  /** The second judge's own; null where it could not be read. */
  secondRubric: rubricSchema.nullable().optional(),
})
export type FrozenQuestion = z.infer<typeof frozenQuestionSchema>

/** A policy's greedy answers against those of round 0 to the same questions. */
export const versusBaseSchema = z.strictObject({
  base: z.string(),
  /** `orders`: the judge compared every two answers in both orders. `scores`: by their scores, for tasks without a prompt for comparing. */
  by: z.enum(['orders', 'scores']),
  wins: z.int(),
  losses: z.int(),
  /** Equal texts, equal scores, or two orders that contradict each other (`flips`). */
  ties: z.int(),
  flips: z.int(),
  /** Not judged: in no rate. */
  void: z.int(),
  /** A win 1, a tie ½, a loss 0; `n` counts questions. */
  winRate: estimateSchema.nullable(),
  /** The same at equal length. */
  lengthControlled: estimateSchema.nullable(),
  /** Exact sign test over wins and losses, two-sided; null without either. */
  p: z.number().nullable(),
})
export type VersusBase = z.infer<typeof versusBaseSchema>

/** What two judges say of the same step, from the best earlier round by the second judge to this one. */
export const partingSchema = z.strictObject({
  /**
   * `parted`: the second judge sees a loss that is no chance while the first sees none. `unconfirmed`: the first sees a gain that is no
   * chance, the second none.
   */
  verdict: z.enum(['agree', 'unconfirmed', 'parted']),
  /** The round to go back to. */
  best: z.int(),
  first: estimateSchema,
  second: estimateSchema,
})
export type Parting = z.infer<typeof partingSchema>

/** What a second judge says of the same answers. */
export const secondJudgementSchema = z.strictObject({
  judge: z.string(),
  sampled: estimateSchema.nullable(),
  unscored: z.int(),
  perQuestion: z.array(z.strictObject({ id: z.string(), score: z.number().nullable() })),
  /** From round 1 on. */
  parting: partingSchema.optional(),
})
export type SecondJudgement = z.infer<typeof secondJudgementSchema>

/** How many items of a suite share a run of words with a document that was, or is to be, trained on. */
export const contaminationSchema = z.strictObject({
  /** Words of a run that counts. */
  words: z.int(),
  documents: z.int(),
  items: z.int(),
  overlapping: z.int(),
  /** Items with fewer words than a run: not compared. */
  tooShort: z.int(),
  /** Beginnings of some overlapping items. */
  examples: z.array(z.string()),
})
export type Contamination = z.infer<typeof contaminationSchema>

/** What a suite says of one policy: `evaluation.json` holds a list of these. */
export const suiteResultSchema = z.strictObject({
  suite: z.string(),
  /** 0 = before the first round. */
  round: z.int(),
  policy: z.string(),
  /** Who judged: `oracle` or `program` for a program, otherwise the judge model's name. */
  judge: z.string(),
  /** Score of sampled answers on 0–1; an invalid answer counts 0 and shows in `validity`. Null when none could be judged. */
  sampled: estimateSchema.nullable(),
  greedy: estimateSchema.nullable(),
  /** Share of answers that parse. */
  validity: z.number().nullable(),
  /** Words of the valid answers. */
  meanAnswerWords: z.number().nullable(),
  /** Answers that could not be had or judged: left out of the score, never counted as 0. */
  unscored: z.int(),
  /** Per-question mean score (sampled, or greedy in a suite that asks greedily), aligned over rounds, for paired comparisons. */
  perQuestion: z.array(z.strictObject({ id: z.string(), score: z.number().nullable() })),
  /** The program's judgement against the self-score, where there is one. */
  judgeQuality: z.strictObject({ pairAccuracy: z.number(), rankCorrelation: z.number(), n: z.int() }).optional(),
  /** Parts of the score: themes, axes, categories, strict and loose. `n` counts what `of` names. */
  breakdown: z.array(z.strictObject({ name: z.string(), of: z.string(), value: estimateSchema.nullable() })).optional(),
  /** Smallest true difference between two policies that as many questions show (two-sided 5 %, power 80 %). */
  detectable: z.number().nullable().optional(),
  /** How the official protocol judges, and in what this run departs from it. */
  protocol: z.strictObject({ official: z.string(), departures: z.array(z.string()) }).optional(),
  seed: z.int().optional(),
  /** Questions asked of those the data hold, where not all. */
  limit: z.int().optional(),
  data: z.array(suiteDataSchema).optional(),
  /** Absent where no corpus was compared. */
  contamination: contaminationSchema.optional(),
  failures: z.array(suiteFailureSchema).optional(),
  answers: z.array(suiteAnswerSchema).optional(),
  questions: z.array(frozenQuestionSchema).optional(),
  versusBase: versusBaseSchema.optional(),
  secondJudgement: secondJudgementSchema.optional(),
})
export type SuiteResult = z.infer<typeof suiteResultSchema>
