/** The shape of a task file: what a person writes in YAML. Knows no prompt's wording and no file. */
import { z } from 'zod'

const count = z.int().positive()

const samplingSchema = z.strictObject({
  temperature: z.number().min(0).max(2),
  topP: z.number().positive().max(1),
  /** Completion tokens. */
  maxTokens: count,
  /** Tries in all, the first included. */
  attempts: count.max(100),
})
const promptSchema = z.string().min(1)
const roleSchema = z.strictObject({ sampling: samplingSchema, prompt: promptSchema })
const groundedRoleSchema = roleSchema.extend({ ungrounded: promptSchema })

const nameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'a task is named in small letters, digits and hyphens, such as my-task')

/** A task with nothing left out. */
export const taskDefinitionSchema = z.strictObject({
  name: nameSchema,
  sections: z.enum(['xml', 'plain']),
  proposer: groundedRoleSchema,
  solver: roleSchema,
  rubricWriter: groundedRoleSchema,
  scorer: roleSchema,
  /** The judge of pairwise scoring. */
  comparer: roleSchema,
  /** The judge of anchored scoring. */
  anchoredRater: roleSchema,
  /** All that the judge is given where no rubric is written (`scoring.rubric: none`). */
  overallCriterion: z.strictObject({ name: z.string().min(1), description: z.string().min(1) }).default({
    name: 'Overall quality',
    description:
      'The answer does what the question asks, fully and rightly, and keeps to it. Fully: nothing that matters is missing or wrong. Partly: useful, with gaps or errors. Not at all: wrong, evasive or beside the point.',
  }),
  /** Which answers the rubric writer sees. */
  rubricCandidates: z.strictObject({ shown: count, maxWords: count.optional() }),
  /** A sentence put at the end of every question. */
  questionEnding: z.string().min(1).optional(),
  /** A program's check of every answer, kept beside its score. `false`: none, where an inherited one is not wanted. */
  check: z
    .union([
      z.literal(false),
      z.strictObject({ type: z.literal('boxed'), reference: z.enum(['required', 'optional']).default('required') }),
    ])
    .default(false),
})
export type TaskDefinition = z.infer<typeof taskDefinitionSchema>

const ownRoleSchema = z.strictObject({ sampling: samplingSchema.partial(), prompt: promptSchema }).partial()
const ownGroundedRoleSchema = ownRoleSchema.extend({ ungrounded: promptSchema.optional() })

/** What a person writes. Unknown keys are errors; all but the name may be left out when `extends` names a built-in task. */
export const taskFileSchema = z.strictObject({
  ...taskDefinitionSchema.partial().shape,
  name: nameSchema,
  /** One line for people. */
  about: z.string().optional(),
  /** A built-in task: whatever this file leaves out is taken from it. */
  extends: z.string().optional(),
  /** Texts that prompts share, put in by `{{> name}}`. */
  parts: z.record(z.string().regex(/^[A-Za-z_]{1,40}$/, 'letters and underscores only'), z.string()).optional(),
  proposer: ownGroundedRoleSchema.optional(),
  solver: ownRoleSchema.optional(),
  rubricWriter: ownGroundedRoleSchema.optional(),
  scorer: ownRoleSchema.optional(),
  comparer: ownRoleSchema.optional(),
  anchoredRater: ownRoleSchema.optional(),
  overallCriterion: taskDefinitionSchema.shape.overallCriterion.unwrap().optional(),
  check: taskDefinitionSchema.shape.check.unwrap().optional(),
})
export type TaskFile = z.infer<typeof taskFileSchema>
