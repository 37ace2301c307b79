/** The health of a round’s training signal: what is measured before the round is trained (online, after it), its limits, and what came out. */
import { z } from 'zod'

/** A limit, or `false` for none. */
const limit = z.union([z.number(), z.literal(false)])
type Limit = z.infer<typeof limit>

/** Past `warn` the report says what to do; past `stop` `pop run` ends before training, with exit code 3. */
const limits = (
  warn: Limit,
  stop: Limit,
): z.ZodPrefault<z.ZodObject<{ warn: z.ZodDefault<typeof limit>; stop: z.ZodDefault<typeof limit> }, z.core.$strict>> =>
  z.strictObject({ warn: limit.default(warn), stop: limit.default(stop) }).prefault({})

/** Each check's limits. Shares lie in 0–1; most are upper limits, those marked (least) are lower ones. */
const checkLimitsSchema = z.strictObject({
  /** Questions asked that gave no readable question, answers that were readable, … (least). */
  validQuestions: limits(0.8, 0.1),
  validAnswers: limits(0.8, 0.1),
  validRubrics: limits(0.8, 0.1),
  validScores: limits(0.8, 0.1),
  /** Questions on which all answers have (nearly) the same score. */
  tiedQuestions: limits(0.5, 0.95),
  /** Pairs of answers to one question that have the same score. */
  tiedAnswers: limits(0.8, false),
  /** Median over questions of the standard deviation of scores, in units of the score (least). */
  scoreSpread: limits(0.05, false),
  /** Criteria that gave every answer the same rating. */
  flatCriteria: limits(0.5, false),
  /** Rank correlation of length and score within a question, mean over questions, regardless of sign. */
  lengthCorrelation: limits(0.5, false),
  /** Share of the scores' variance that is between readings of the same answer. */
  judgeNoise: limits(0.5, false),
  /** Comparisons whose two orders contradict each other. */
  orderFlips: limits(0.4, false),
  /** Questions and documents that nearly repeat an earlier one. */
  duplicateQuestions: limits(0.1, false),
  duplicateDocuments: limits(0.05, false),
  /** Evaluation items that share a run of `overlapWords` words with a document that was played. */
  evaluationOverlap: limits(0.05, false),
  /** Questions that became a pair (least). */
  pairedQuestions: limits(0.3, 0.02),
})

export const healthConfigSchema = z.strictObject({
  ...checkLimitsSchema.shape,
  /** Jaccard similarity of word n-grams from which two texts are near-duplicates. */
  duplicateSimilarity: z.number().gt(0).max(1).default(0.8),
  /** Words of a run that counts as overlap. */
  overlapWords: z.int().positive().default(13),
  /** Besides the held-out documents: files of evaluation items, read as `corpus.source` is. */
  evaluationSets: z
    .array(z.strictObject({ source: z.string().min(1), field: z.string().min(1).default('text') }))
    .default([]),
})
export type HealthConfig = z.infer<typeof healthConfigSchema>

export const healthCheckNameSchema = checkLimitsSchema.keyof()
export type HealthCheckName = z.infer<typeof healthCheckNameSchema>

/** One measure against its limits. */
export const healthCheckSchema = z.strictObject({
  name: healthCheckNameSchema,
  /** What is measured, in a few words for people. */
  label: z.string(),
  unit: z.enum(['share', 'number']),
  /** Null: there was nothing to measure. */
  value: z.number().nullable(),
  /** What it was measured on: questions, answers, criteria, comparisons. */
  of: z.int(),
  /** Whether the limits are upper or lower ones. */
  limit: z.enum(['most', 'least']),
  warn: limit,
  stop: limit,
  state: z.enum(['good', 'warning', 'stop', 'unknown']),
  /** What to do, where a limit was passed. */
  advice: z.string().nullable(),
})
export type HealthCheck = z.infer<typeof healthCheckSchema>

const reasonsSchema = z.record(z.string(), z.int())

/** What became of one role's replies. */
export const roleHealthSchema = z.strictObject({
  role: z.enum(['proposer', 'solver', 'rubric', 'scorer']),
  asked: z.int(),
  valid: z.int(),
  /** Why the others were not valid, by reason. */
  reasons: reasonsSchema,
})
export type RoleHealth = z.infer<typeof roleHealthSchema>

/** Two texts that are nearly the same; `first` and `second` are their beginnings. */
export const nearDuplicateSchema = z.strictObject({ first: z.string(), second: z.string(), similarity: z.number() })

/** An evaluation set against the documents that were played. */
export const overlapSchema = z.strictObject({
  name: z.string(),
  items: z.int(),
  overlapping: z.int(),
  /** Items with fewer words than a run has: they were not compared. */
  tooShort: z.int(),
  /** Beginnings of some overlapping items. */
  examples: z.array(z.string()),
})
export type Overlap = z.infer<typeof overlapSchema>

/** `health.json` of a round. */
export const healthReportSchema = z.strictObject({
  version: z.literal(1),
  round: z.int(),
  questions: z.int(),
  checks: z.array(healthCheckSchema),
  roles: z.array(roleHealthSchema),
  /** Questions left after each rule, in the order of the rules. */
  survivors: z.array(z.strictObject({ rule: z.string(), questions: z.int() })),
  /** Preference pairs of the round. */
  pairs: z.int(),
  criteria: z.strictObject({
    count: z.int(),
    flat: z.int(),
    /** Flat criteria by the rating that every answer got: 0, 1, 2, or another. */
    flatAt: reasonsSchema,
    examples: z.array(z.string()),
  }),
  lengthCorrelation: z.number().nullable(),
  /** Comparisons in both orders; `firstShown`: the share of verdicts for the answer shown first. */
  order: z.strictObject({ compared: z.int(), flipped: z.int(), firstShown: z.number().nullable() }),
  duplicates: z.strictObject({ questions: z.array(nearDuplicateSchema), documents: z.array(nearDuplicateSchema) }),
  overlaps: z.array(overlapSchema),
})
export type HealthReport = z.infer<typeof healthReportSchema>
