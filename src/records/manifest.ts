import { z } from 'zod'
import { stageNameSchema } from './journal.ts'

/** What a run folder is: written once, its `stages` updated as they finish. */
export const manifestSchema = z.strictObject({
  version: z.literal(1),
  popVersion: z.string(),
  name: z.string(),
  seed: z.int(),
  configHash: z.string(),
  corpus: z
    .strictObject({ fingerprint: z.string(), documents: z.int(), skippedShort: z.int(), badRows: z.int() })
    .nullable(),
  /** Hash of each role's prompt template. */
  prompts: z.record(z.string(), z.string()),
  stages: z.array(
    z.strictObject({
      round: z.int(),
      stage: stageNameSchema.or(z.enum(['synthesis', 'pairing'])),
      state: z.enum(['running', 'done']),
    }),
  ),
  createdAt: z.number(),
})
export type RunManifest = z.infer<typeof manifestSchema>
