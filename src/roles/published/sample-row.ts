/** The shape of one line of the published system's raw samples, as loosely as files in the wild fill it. Knows no record of ours. */
import { z } from 'zod'
import { parseJson } from '../../core/json.ts'
import { chatMessageSchema, type ChatMessage } from '../../records/index.ts'

// Further keys (of messages, of rows) are dropped; what a failed stage left behind may be null, empty or absent.
const messageSchema = z.object(chatMessageSchema.shape)

/** A stage that failed leaves its conversation empty, or as a message without a role: it is none. */
const conversationSchema = z
  .array(z.object({ role: z.string(), content: z.string() }))
  .nullish()
  .transform((messages): ChatMessage[] | null => {
    const read = z.array(messageSchema).safeParse(messages)
    return read.success && read.data.length > 0 ? read.data : null
  })
const textSchema = z.string().nullish()
const flagSchema = z.union([z.literal(0), z.literal(1), z.boolean()]).nullish()

const ratingSchema = z.object({ name: z.string(), thoughts: z.string(), rating: z.number() })

/** Where nothing was rated (the comparing modes), one rating without a name holds the place. */
const evaluationSchema = z
  .array(ratingSchema)
  .nullish()
  .catch(null)
  .transform((ratings) => (ratings?.some(({ name }) => name !== '') === true ? ratings : null))

const responseSchema = z.object({
  solver_answer: textSchema,
  solver_conversations: conversationSchema,
  is_solver_valid: flagSchema,
  verifier_scoring_evaluation: evaluationSchema,
  verifier_scoring_score: z.number().nullish().catch(null),
  verifier_scoring_conversations: conversationSchema,
  is_verifier_scoring_valid: flagSchema,
})

const criterionRowSchema = z.object({
  name: z.string(),
  gold: textSchema,
  ground_truth: textSchema,
  description: z.string(),
  weight: z.union([z.number(), z.string()]),
})

const sampleRowSchema = z.object({
  knowledge: textSchema,
  proposer_problem: textSchema,
  proposer_ref_answer: textSchema,
  proposer_conversations: conversationSchema,
  is_proposer_valid: flagSchema,
  solver_responses: z.array(responseSchema).nullish(),
  verifier_rubric: z.array(criterionRowSchema).nullish(),
  verifier_conversations: conversationSchema,
  is_verifier_valid: flagSchema,
})

export type SampleRow = z.infer<typeof sampleRowSchema>
export type ResponseRow = z.infer<typeof responseSchema>
export type CriterionRow = z.infer<typeof criterionRowSchema>

/** The row, or why the line is none. A row without any of the published keys is another format, not an empty sample. */
export function readSampleRow(line: string): SampleRow | string {
  const strict = parseJson(line)
  const json = strict.ok ? strict : parseJson(withoutPythonNumbers(line))
  if (!json.ok) return `not JSON: ${strict.ok ? '' : strict.message}`
  const row = sampleRowSchema.safeParse(json.value)
  if (!row.success) {
    const issue = row.error.issues[0]
    return issue === undefined ? 'not a sample' : `${issue.path.join('.') || 'row'}: ${issue.message}`
  }
  const { proposer_problem, solver_responses } = row.data
  if (proposer_problem === undefined && solver_responses === undefined) {
    return 'neither proposer_problem nor solver_responses: not a line of the published raw samples'
  }
  return row.data
}

/**
 * Python writes NaN and Infinity into its JSON; they mean that there is no number. The end of a string is optional, so that one
 * which never ends is passed over once: linear in the length of the line.
 */
function withoutPythonNumbers(line: string): string {
  return line.replace(/"[^"\\]*(?:\\[\s\S][^"\\]*)*"?|\bNaN\b|-?\bInfinity\b/g, (token) =>
    token.startsWith('"') ? token : 'null',
  )
}
