/**
 * A preference example as token ids, taken apart into prompt and completion as TRL's DPOTrainer does it
 * (trl 1.13, `DPOTrainer._prepare_dataset`): the prompt is tokenised alone with the generation prompt, the whole
 * conversation is tokenised without it, and the completion is what of the whole lies behind the prompt's length.
 */
import type { ChatMessage } from './chat-template.ts'
import type { Tokenizer } from './tokenizer.ts'

export interface PreferenceTokens {
  /** Prompt ids followed by completion ids. */
  tokens: number[]
  /** How many of `tokens` are the prompt. */
  promptLength: number
  /**
   * False when the tokenised prompt is not the beginning of the tokenised conversation. TRL warns and goes on with the
   * prompt's own ids in front; so do we, and the caller says so to the user.
   */
  promptIsPrefix: boolean
}

/**
 * @param messagesPrompt the conversation up to the answer
 * @param messagesFull the same conversation with the answer
 */
export function tokenizePreference(
  tokenizer: Tokenizer,
  messagesPrompt: readonly ChatMessage[],
  messagesFull: readonly ChatMessage[],
): PreferenceTokens {
  const prompt = tokenizer.encodeChat(messagesPrompt, { addGenerationPrompt: true })
  const full = tokenizer.encodeChat(messagesFull)
  return {
    tokens: [...prompt, ...full.slice(prompt.length)],
    promptLength: prompt.length,
    promptIsPrefix: prompt.every((id, i) => full[i] === id),
  }
}
