/**
 * Preference pairs as lines of a file: ours, which are the published ones, and the conversational format of TRL.
 * A bad line is counted with its reason and never stops the reading. Knows no path and no disk.
 */
import { z } from 'zod'
import { isJsonObject, parseJson, type JsonValue } from '../core/json.ts'
import { chatMessageSchema, type ChatMessage, type PreferencePair } from '../records/index.ts'

/** A pair to train on: two whole conversations that differ in their last message only. Pairs of other origin may lack the rest. */
export type TrainingPair = Pick<PreferencePair, 'chosen' | 'rejected'> & Partial<PreferencePair>

/** A line that gave nothing, counted from 1. */
export interface BadLine {
  readonly line: number
  readonly reason: string
}

export interface PairFile {
  readonly pairs: TrainingPair[]
  readonly badLines: BadLine[]
}

// Other tools leave further keys in messages and rows; they are dropped.
const messagesSchema = z.array(z.object(chatMessageSchema.shape)).min(1)
const pairLineSchema = z.object({
  prompt: messagesSchema.optional(),
  chosen: messagesSchema,
  rejected: messagesSchema,
  chosen_score: z.number().nullish(),
  rejected_score: z.number().nullish(),
  ref_answer: z.string().nullish(),
})

/**
 * Reads lines of either `{role, chosen, rejected, chosen_score, rejected_score, ref_answer}` with whole conversations, or
 * TRL's `{prompt, chosen, rejected}` with message lists. Blank lines are nothing, everything else that is no pair is a bad line.
 */
export function readPreferencePairs(lines: Iterable<string>): PairFile {
  const pairs: TrainingPair[] = []
  const badLines: BadLine[] = []
  let line = 0
  for (const text of lines) {
    line++
    if (text.trim() === '') continue
    const pair = readPair(text)
    if (typeof pair === 'string') badLines.push({ line, reason: pair })
    else pairs.push(pair)
  }
  return { pairs, badLines }
}

/** A pair with the published keys and none of our own. */
export function publishedPair(pair: PreferencePair): Omit<PreferencePair, 'tokens'> {
  const { role, chosen, rejected, chosen_score, rejected_score, ref_answer } = pair
  return { role, chosen, rejected, chosen_score, rejected_score, ref_answer }
}

/** One line of a preference file, without its newline. */
export function formatPreferencePair(pair: PreferencePair): string {
  return JSON.stringify(publishedPair(pair))
}

/** The pair, or why the line is none. */
function readPair(text: string): TrainingPair | string {
  const json = parseJson(text)
  if (!json.ok) return `not JSON: ${json.message}`
  if (isPlainText(json.value)) return 'chosen and rejected are texts; lists of {role, content} messages are needed'
  const row = pairLineSchema.safeParse(json.value)
  if (!row.success) return firstIssue(row.error)
  const { prompt = [], chosen, rejected, chosen_score, rejected_score, ref_answer } = row.data
  const conversations = { chosen: [...prompt, ...chosen], rejected: [...prompt, ...rejected] }
  const fault = conversationFault(conversations.chosen, conversations.rejected)
  if (fault !== undefined) return fault
  return {
    ...conversations,
    role: 'solver',
    ...(typeof chosen_score === 'number' ? { chosen_score } : {}),
    ...(typeof rejected_score === 'number' ? { rejected_score } : {}),
    ...(typeof ref_answer === 'string' ? { ref_answer } : {}),
  }
}

function isPlainText(value: JsonValue): boolean {
  return isJsonObject(value) && typeof value['chosen'] === 'string'
}

/** Both must end with the assistant and agree on everything before: only then is one prompt answered twice. */
function conversationFault(chosen: readonly ChatMessage[], rejected: readonly ChatMessage[]): string | undefined {
  if (chosen.at(-1)?.role !== 'assistant') return 'chosen does not end with an assistant message'
  if (rejected.at(-1)?.role !== 'assistant') return 'rejected does not end with an assistant message'
  if (chosen.length < 2 || rejected.length < 2) return 'there is no prompt before the answers'
  if (JSON.stringify(chosen.slice(0, -1)) !== JSON.stringify(rejected.slice(0, -1))) {
    return 'chosen and rejected answer different prompts'
  }
  return undefined
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0]
  return issue === undefined ? 'not a preference pair' : `${issue.path.join('.') || 'row'}: ${issue.message}`
}
