/** Checks of an untrusted `tokenizer.json` before the library builds arrays as long as its largest token id. */
import { z } from 'zod'
import { ModelError } from '../../core/errors.ts'

/** Many times the largest vocabulary in use (about 260,000). */
const MAX_TOKENS = 1 << 22

const tokenId = z
  .int()
  .nonnegative()
  .max(MAX_TOKENS - 1)
const fileSchema = z.looseObject({
  model: z.looseObject({
    vocab: z.union([z.record(z.string(), tokenId), z.array(z.unknown()).max(MAX_TOKENS)]),
  }),
  added_tokens: z
    .array(z.looseObject({ id: tokenId, content: z.string(), special: z.boolean().optional() }))
    .max(MAX_TOKENS)
    .nullish(),
})

/** @throws ModelError naming the key that is not as it must be */
export function checkTokenizerFile(tokenizer: unknown): void {
  const parsed = fileSchema.safeParse(tokenizer)
  if (parsed.success) return
  const [issue] = parsed.error.issues
  throw new ModelError(`tokenizer.json: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a tokenizer'}`)
}
