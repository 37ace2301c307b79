/** A Jinja chat template with the variables that transformers gives it. Knows no tokenizer. */
import { ModelError, errorMessage } from '../../core/errors.ts'
import { BoundedTemplate } from './bounded-template.ts'

export interface ChatMessage {
  role: string
  content: string
}

export interface ChatOptions {
  /** Ends the text with the header of the assistant's turn. Default false. */
  addGenerationPrompt?: boolean
  /** Further variables of the template, such as `enable_thinking` or `date_string`. */
  variables?: Readonly<Record<string, string | number | boolean>>
}

export class ChatTemplate {
  private readonly template: BoundedTemplate
  private readonly specialTokens: Readonly<Record<string, string>>

  /**
   * @param source the template's text
   * @param specialTokens `bos_token`, `eos_token`, … as the template may use them
   * @throws ModelError when the template cannot be parsed
   */
  constructor(source: string, specialTokens: Readonly<Record<string, string>>) {
    try {
      this.template = new BoundedTemplate(source)
    } catch (error) {
      throw new ModelError(`the chat template cannot be parsed: ${errorMessage(error)}`, { cause: error })
    }
    this.specialTokens = specialTokens
  }

  /** @throws ModelError when the template refuses the conversation, with the template's own reason */
  render(messages: readonly ChatMessage[], options: ChatOptions = {}): string {
    try {
      return this.template.render({
        ...this.specialTokens,
        ...options.variables,
        messages: messages.map(({ role, content }) => ({ role, content })),
        tools: null,
        documents: null,
        add_generation_prompt: options.addGenerationPrompt ?? false,
      })
    } catch (error) {
      throw new ModelError(`the chat template refused the conversation: ${errorMessage(error)}`, { cause: error })
    }
  }
}
