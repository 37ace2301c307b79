/**
 * One line of the journal: a finished model call or a decision, keyed by what it is.
 * The journal is the only state of a run; everything else can be rebuilt from it.
 */
import { z } from 'zod'
import { numberChoiceSchema } from './language-model.ts'

export const stageNameSchema = z.enum(['propose', 'solve', 'rubric', 'score', 'train', 'evaluate'])
export type StageName = z.infer<typeof stageNameSchema>

export const usageSchema = z.strictObject({ promptTokens: z.int(), completionTokens: z.int() })

export const journalGenerationSchema = z.strictObject({
  text: z.string(),
  finishReason: z.enum(['stop', 'length', 'refusal', 'other']),
  usage: usageSchema,
  numbers: z.array(numberChoiceSchema).optional(),
  /** Of answers that are trained on: the ids that were sampled and their log-probs (nats), so that no text is tokenised again. */
  tokens: z.array(z.int()).optional(),
  logprobs: z.array(z.number()).optional(),
})

/** A finished call. `inputs` is the hash of everything the call depended on: a changed prompt or setting misses it. */
export const journalCallSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('call'),
  /** `r1/<documentId>/q0/solve/a0`, `r1/<documentId>/q0/score/c3`, … */
  key: z.string(),
  inputs: z.string(),
  /** Milliseconds since the epoch when it finished, and how long it took. */
  at: z.number(),
  ms: z.number(),
  model: z.string(),
  generations: z.array(journalGenerationSchema),
})
export type JournalCall = z.infer<typeof journalCallSchema>

/** A decision that later lines rely on: a stage finished, a checkpoint published, a suite frozen. */
export const journalDecisionSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('decision'),
  key: z.string(),
  inputs: z.string(),
  at: z.number(),
  value: z.json(),
})
export type JournalDecision = z.infer<typeof journalDecisionSchema>

export const journalEntrySchema = z.discriminatedUnion('kind', [journalCallSchema, journalDecisionSchema])
export type JournalEntry = z.infer<typeof journalEntrySchema>
