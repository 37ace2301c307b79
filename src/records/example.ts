/** The nouns of self-play: what one question collects on its way from document to preference pair. */
import { z } from 'zod'
import { chatMessageSchema } from './language-model.ts'

/** Why a text could not be parsed: a closed list, used as data. */
export const parseFailureSchema = z.enum([
  'noTag',
  'repeatedTag',
  'empty',
  'badJson',
  'badShape',
  'badNumber',
  'truncated',
])
export type ParseFailure = z.infer<typeof parseFailureSchema>

/**
 * Why a judge's reply could not be used: what the parser says, and what only the reply as a whole shows. `refused`: the model
 * declined. `whitespaceLoop`: it wrote white space until the limit.
 */
export const replyFailureSchema = z.enum([...parseFailureSchema.options, 'refused', 'whitespaceLoop'])
export type ReplyFailure = z.infer<typeof replyFailureSchema>

/** Parsers never throw. `repaired` lists what the lenient dialect put right. */
export type ParseResult<T> =
  | { readonly ok: true; readonly value: T; readonly repaired?: readonly string[] }
  | { readonly ok: false; readonly reason: ParseFailure }

/** What the proposer made of a document. */
export const questionSchema = z.strictObject({
  problem: z.string(),
  referenceAnswer: z.string(),
  /** The conversation that produced it, ending with the assistant's message. */
  conversation: z.array(chatMessageSchema),
})
export type Question = z.infer<typeof questionSchema>

/** One criterion of a rubric. `gold` is "Not applicable" where the document yields none. */
export const criterionSchema = z.strictObject({
  name: z.string(),
  gold: z.string(),
  description: z.string(),
  weight: z.number(),
})
export type Criterion = z.infer<typeof criterionSchema>

export const rubricSchema = z.array(criterionSchema)
export type Rubric = z.infer<typeof rubricSchema>

/** A judge's reading of one criterion for one answer: 2 fully, 1 partly, 0 not at all. */
export const criterionRatingSchema = z.strictObject({
  name: z.string(),
  thoughts: z.string(),
  /** As the judge wrote it, or an expectation or mean that need not be a whole number. */
  rating: z.number(),
  /** The digit that the judge wrote, where `rating` is its expectation. */
  digit: z.number().optional(),
})
export type CriterionRating = z.infer<typeof criterionRatingSchema>

export const evaluationSchema = z.array(criterionRatingSchema)
export type Evaluation = z.infer<typeof evaluationSchema>

/** A score, or the reason why there is none. A failure is never a low score. */
export const scoreSchema = z.discriminatedUnion('status', [
  z.strictObject({ status: z.literal('scored'), value: z.number() }),
  z.strictObject({
    status: z.literal('unscored'),
    /** `invalidAnswer`: nothing to judge. `callFailed`: the judge could not be reached. The others: its reply could not be read. */
    reason: z.union([
      replyFailureSchema,
      z.enum(['invalidAnswer', 'callFailed', 'missingCriterion', 'zeroWeight', 'noRubric']),
    ]),
  }),
])
export type Score = z.infer<typeof scoreSchema>
export type UnscoredReason = Extract<Score, { status: 'unscored' }>['reason']

/** One of several judgements of the same answer. */
export const readingSchema = z.strictObject({
  /** What the judge wrote; null when the call failed. */
  response: z.string().nullable(),
  evaluation: evaluationSchema.nullable(),
  score: scoreSchema,
})
export type Reading = z.infer<typeof readingSchema>

/** A judge's word for the first of two answers in one order, or why there is none. */
const comparisonOutcomeSchema = z.union([z.number(), replyFailureSchema, z.literal('callFailed')])
export type ComparisonOutcome = z.infer<typeof comparisonOutcomeSchema>

/** Two answers of one question held against each other in both orders (pairwise and anchored scoring). */
export const comparisonSchema = z.strictObject({
  /** `index` of the candidates; in anchored scoring `second` is the anchor. */
  first: z.int(),
  second: z.int(),
  /**
   * In favour of `first`, shown first and shown second. Pairwise: 1 won, 0 lost, between them a mean of several readings.
   * Anchored: its rating minus the other's, −10 to 10.
   */
  shownFirst: comparisonOutcomeSchema,
  shownSecond: comparisonOutcomeSchema,
  /** The mean of both; null: void, because one of them is missing. */
  value: z.number().nullable(),
})
export type Comparison = z.infer<typeof comparisonSchema>

/**
 * What a program found when it held an answer against the reference. It stands beside the score and is never mixed into it.
 * `noAnswer`, `noReference`: there is no boxed answer to compare, which is not a mismatch.
 */
export const answerCheckSchema = z.strictObject({
  type: z.literal('boxed'),
  outcome: z.enum(['match', 'mismatch', 'noAnswer', 'noReference']),
  /** What stood in the box. */
  found: z.string().nullable(),
})
export type AnswerCheck = z.infer<typeof answerCheckSchema>

/** An answer as it was sampled. */
export const sampledTokensSchema = z.strictObject({
  /** Which weights: the name of the model, version included. */
  policy: z.string(),
  /** The ids, the stop token included, and the log-prob (nats) of each under those weights. */
  tokens: z.array(z.int()),
  logprobs: z.array(z.number()),
})
export type SampledTokens = z.infer<typeof sampledTokensSchema>

/** One sampled answer, with everything that was said about it. */
export const candidateSchema = z.strictObject({
  index: z.int(),
  /** The parsed answer; null when the response holds none (`invalid` says why). */
  answer: z.string().nullable(),
  invalid: parseFailureSchema.optional(),
  /** The whole assistant message. */
  response: z.string(),
  completionTokens: z.int().optional(),
  /** Where training works on what was sampled. */
  sampled: sampledTokensSchema.optional(),
  evaluation: evaluationSchema.nullable(),
  evaluationResponse: z.string().nullable(),
  /** Each judgement, where there were several; `evaluation` holds their mean. */
  readings: z.array(readingSchema).optional(),
  score: scoreSchema,
  /** Where the task has a programmatic check and the answer could be read. */
  check: answerCheckSchema.optional(),
})
export type Candidate = z.infer<typeof candidateSchema>

/** Why curation left out a question whose answers were judged. */
export const dropReasonSchema = z.enum(['nearTies', 'difficulty', 'rubricsDisagree'])
export type DropReason = z.infer<typeof dropReasonSchema>

/** What a second rubric said of the same answers. */
export const secondRubricSchema = z.strictObject({
  rubric: rubricSchema.nullable(),
  conversation: z.array(chatMessageSchema),
  /** Scores under the first and under the second rubric, in the order of the candidates; a candidate's own score is their mean. */
  firstScores: z.array(scoreSchema),
  secondScores: z.array(scoreSchema),
  /** Spearman's rank correlation of the two; null where it is not defined. */
  agreement: z.number().nullable(),
})
export type SecondRubric = z.infer<typeof secondRubricSchema>

/** Everything that one question became: a line of `examples.jsonl`. A failed stage is recorded, never dropped. */
export const exampleSchema = z.strictObject({
  round: z.int(),
  documentId: z.string(),
  questionIndex: z.int(),
  task: z.string(),
  /** Empty where no role was shown one. */
  document: z.string(),
  /** What was taken over from an earlier run instead of asked for. */
  reused: z.array(z.enum(['propose', 'solve', 'rubric'])).optional(),
  status: z.enum(['complete', 'proposalFailed', 'answersFailed', 'rubricFailed', 'scoringFailed', 'dropped']),
  /** With status `dropped`: by which rule. */
  dropped: dropReasonSchema.optional(),
  /** Why the status is not `complete`, in words for people. */
  failure: z.string().optional(),
  question: questionSchema.nullable(),
  /** The messages that the solver was given (without its answer). */
  solverPrompt: z.array(chatMessageSchema),
  candidates: z.array(candidateSchema),
  rubric: rubricSchema.nullable(),
  rubricConversation: z.array(chatMessageSchema).nullable(),
  /** Names of criteria that curation left out of the judging. */
  unusedCriteria: z.array(z.string()).optional(),
  secondRubric: secondRubricSchema.optional(),
  /** Pairwise and anchored scoring: what the scores were made of. */
  comparisons: z.array(comparisonSchema).optional(),
})
export type Example = z.infer<typeof exampleSchema>

/** A training example: the same prompt with a better and a worse answer, as full conversations. */
export const preferencePairSchema = z.strictObject({
  role: z.literal('solver'),
  chosen: z.array(chatMessageSchema),
  rejected: z.array(chatMessageSchema),
  chosen_score: z.number(),
  rejected_score: z.number(),
  ref_answer: z.string(),
  /** The ids that were sampled for the two last messages, where they are known: trained on as they are. */
  tokens: z.strictObject({ chosen: z.array(z.int()), rejected: z.array(z.int()) }).optional(),
})
export type PreferencePair = z.infer<typeof preferencePairSchema>

/** All rewarded answers to one question, for objectives that compare within a group. */
export const rolloutGroupSchema = z.strictObject({
  round: z.int(),
  documentId: z.string(),
  questionIndex: z.int(),
  prompt: z.array(chatMessageSchema),
  /** `text`: the whole assistant message; `reward`: its score. */
  responses: z.array(z.strictObject({ text: z.string(), reward: z.number(), sampled: sampledTokensSchema.optional() })),
  ref_answer: z.string(),
})
export type RolloutGroup = z.infer<typeof rolloutGroupSchema>

/** Why a question gave no pair. */
export const skipReasonSchema = z.enum([
  'noQuestion',
  ...dropReasonSchema.options,
  'tooFewScored',
  'noSpread',
  'smallMargin',
  'lengthGap',
  'orderConflict',
  'sameResponse',
  'overCap',
])
export type SkipReason = z.infer<typeof skipReasonSchema>
