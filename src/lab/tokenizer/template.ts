/** The chat template of the laboratory's model (ChatML), as text and as Jinja. Knows nothing of vocabularies. */
import type { LabMessage } from '../task.ts'

export const END_OF_TEXT = '<|endoftext|>'
export const START_OF_TURN = '<|im_start|>'
export const END_OF_TURN = '<|im_end|>'
export const PADDING = '<|pad|>'

/** Goes to `tokenizer_config.json`. */
export const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

/** The messages and the opening of the assistant's turn; equal to the template with a generation prompt. */
export function renderPrompt(messages: readonly LabMessage[]): string {
  const turns = messages.map(({ role, content }) => `${START_OF_TURN}${role}\n${content}${END_OF_TURN}\n`)
  return `${turns.join('')}${START_OF_TURN}assistant\n`
}
