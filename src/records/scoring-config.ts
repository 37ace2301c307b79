/** How answers are judged, and which questions are kept: the `scoring` and `curation` parts of the configuration. */
import { z } from 'zod'

const count = z.int().positive()
const share = z.number().min(0).max(1)

export const scoringConfigSchema = z
  .strictObject({
    /** `pointwise`: each answer alone. `pairwise`: every two. `anchored`: each against the answer of median length. */
    mode: z.enum(['pointwise', 'pairwise', 'anchored']).default('pointwise'),
    /** `none`: no rubric is asked for; the judge gets the task's one criterion for everything, which has no gold. */
    rubric: z.enum(['written', 'none']).default('written'),
    /** A criterion that the judge did not rate: no score for the answer, or 0 for the criterion (published). */
    missingCriterion: z.enum(['unscored', 'zero']).default('unscored'),
    /** How often each judgement is read; the mean counts. */
    readings: count.default(1),
    /** Of the judge. Default: the task's for one reading, 1 for several. */
    temperature: z.number().min(0).optional(),
    /** `expected`: the mean of 0, 1 and 2 under the judge's probabilities, where the model gives log-probs. */
    ratings: z.enum(['digit', 'expected']).default('digit'),
    /** One call for each criterion instead of one for all. */
    perCriterion: z.boolean().default(false),
    /** `auto`: JSON by schema from a server that can, tags from all others. */
    output: z.enum(['auto', 'tags']).default('auto'),
    /** An unreadable reply of judge or rubric writer is asked for once more, with what its reason calls for. */
    secondTry: z.boolean().default(true),
  })
  .superRefine((scoring, context) => {
    const complain = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message })
    if (scoring.mode !== 'pointwise' && scoring.perCriterion) complain('perCriterion', 'is for mode: pointwise only')
    if (scoring.mode !== 'pointwise' && scoring.ratings === 'expected') {
      complain('ratings', 'expected is for mode: pointwise only')
    }
    if (scoring.readings > 1 && scoring.temperature === 0) {
      complain('temperature', 'readings at temperature 0 are all alike; leave it out, or set it above 0')
    }
  })
export type ScoringConfig = z.infer<typeof scoringConfigSchema>

const secondRubricSchema = z.strictObject({
  /** Smallest rank correlation (Spearman) of the scores under the two rubrics. */
  minAgreement: z.number().min(-1).max(1).default(0.3),
  /** At which the second rubric is written. */
  temperature: z.number().positive().default(1),
})

const earlyDropSchema = z.strictObject({
  /** Answers sampled and judged before the others. */
  samples: z.int().min(2).default(8),
  /** The question is dropped when their scores spread less (population standard deviation, in the mode's scale). */
  minStd: z.number().positive().default(0.05),
})

const difficultySchema = z.strictObject({
  /** Bounds of the answers' mean score as a share of the highest. */
  low: share.default(0.15),
  high: share.default(0.85),
})

/** Which criteria and questions count; every switch is off by default. */
export const curationConfigSchema = z.strictObject({
  /** Criteria with a weight of 0 or less are left out. */
  positiveOnly: z.boolean().default(false),
  /** Probability with which each criterion of a question is left out; one always stays. */
  criterionDropout: z.number().min(0).lt(1).default(0),
  /** A second rubric is written and used; the question counts when the two rank its answers alike. */
  secondRubric: z.union([z.literal(false), secondRubricSchema]).default(false),
  /** A question whose first answers are all nearly equal is given up before the others are sampled. */
  earlyDrop: z.union([z.literal(false), earlyDropSchema]).default(false),
  /** A question that is too easy or too hard is left out (mode: pointwise). */
  difficulty: z.union([z.literal(false), difficultySchema]).default(false),
})
export type CurationConfig = z.infer<typeof curationConfigSchema>
