/**
 * Preference pairs as token ids, as TRL's DPOTrainer makes them: the prompt is what both conversations share, put
 * through the chat template with its generation prompt; the completion is the rest of the template over the whole.
 */
import { InputError } from '../core/errors.ts'
import { tokenizePreference, type Tokenizer } from '../engine/index.ts'
import type { ChatMessage, PreferencePair } from '../records/index.ts'
import type { TokenizedCompletion, TrainingGroup } from './batch.ts'

/** What training needs of a pair: files of other origin have no more. */
export type Conversations = Pick<PreferencePair, 'chosen' | 'rejected' | 'tokens'>

export interface PreferenceData {
  /** [chosen, rejected] of each pair that is trained on. */
  readonly groups: TrainingGroup[]
  /** Pairs left out, by reason. */
  readonly leftOut: { readonly tooLong: number; readonly noCompletion: number }
  /** Pairs whose tokenised prompt is not the beginning of the tokenised whole: trained on, as TRL does, with a warning. */
  readonly promptMismatches: number
}

/**
 * @param maxLength in tokens, prompt and completion together; TRL would cut a longer sequence, here its pair is left out
 * @throws InputError when a pair's two conversations do not answer one prompt
 */
export function preferenceData(
  pairs: readonly Conversations[],
  tokenizer: Tokenizer,
  maxLength: number,
): PreferenceData {
  const groups: TrainingGroup[] = []
  const leftOut = { tooLong: 0, noCompletion: 0 }
  let promptMismatches = 0
  for (const [index, pair] of pairs.entries()) {
    const prompt = sharedPrompt(pair, index)
    const sides = sidesOf(pair, prompt, tokenizer)
    if (sides.some(({ tokens }) => tokens.length > maxLength)) leftOut.tooLong++
    else if (sides.some(isEmpty)) leftOut.noCompletion++
    else {
      groups.push({ completions: sides.map(({ tokens, promptLength }) => ({ tokens, promptLength })) })
      if (sides.some(({ promptIsPrefix }) => !promptIsPrefix)) promptMismatches++
    }
  }
  return { groups, leftOut, promptMismatches }
}

type Side = ReturnType<typeof tokenizePreference>

/** What was sampled goes in as it was sampled, under the prompt's ids that the sampler was given; other texts through the template. */
function sidesOf(pair: Conversations, prompt: readonly ChatMessage[], tokenizer: Tokenizer): Side[] {
  const { chosen, rejected, tokens } = pair
  if (tokens === undefined) return [chosen, rejected].map((full) => tokenizePreference(tokenizer, prompt, full))
  const given = tokenizer.encodeChat(prompt, { addGenerationPrompt: true })
  return [tokens.chosen, tokens.rejected].map((sampled) => ({
    tokens: [...given, ...sampled],
    promptLength: given.length,
    promptIsPrefix: true,
  }))
}

function isEmpty({ tokens, promptLength }: TokenizedCompletion): boolean {
  return tokens.length <= promptLength
}

/** The messages that both conversations begin with, at most all but the last. */
function sharedPrompt({ chosen, rejected }: Conversations, index: number): ChatMessage[] {
  const longest = Math.min(chosen.length, rejected.length) - 1
  let length = 0
  while (length < longest && sameMessage(chosen[length], rejected[length])) length++
  const prompt = chosen.slice(0, length)
  if (prompt.length === 0 || chosen[length]?.role !== 'assistant' || rejected[length]?.role !== 'assistant') {
    throw new InputError(
      `preference pair ${index + 1}: chosen and rejected must share their prompt and differ from an assistant message on`,
    )
  }
  return prompt
}

function sameMessage(a: ChatMessage | undefined, b: ChatMessage | undefined): boolean {
  return a?.role === b?.role && a?.content === b?.content
}
