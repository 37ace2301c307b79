/**
 * Text to token ids and back, and conversations to token ids, as the model folder's files say.
 * Knows nothing of the model's weights.
 */
import { ModelError, errorMessage } from '../../core/errors.ts'
import { ChatTemplate } from './chat-template.ts'
import { createHubTokenizer } from './hub.ts'
import { endOfTurnText } from './end-of-turn.ts'
import { encodablePieces, guardMessages, restoreLiterals } from './literals.ts'
import { checkTokenizerFile } from './tokenizer-file.ts'
import { specialTexts, specialTokensMap, stopTokenIds } from './special-tokens.ts'
import type { JsonValue } from '../../core/json.ts'
import type { ChatMessage, ChatOptions } from './chat-template.ts'
import type { HubTokenizer } from './hub.ts'

type JsonObject = { [key: string]: JsonValue }

/** What a tokenizer is made from: the parsed files of a model folder. */
export interface TokenizerFiles {
  tokenizer: JsonObject
  tokenizerConfig: JsonObject
  config?: JsonObject
  generationConfig?: JsonObject
  chatTemplate?: string
}

export class Tokenizer {
  /** Ids that end an answer, as the model's files say. */
  readonly declaredStopTokenIds: readonly number[]
  /**
   * The special token with which the chat template ends the assistant's turn, if it does so with one. Base models
   * (Qwen2.5) have a template that ends turns with another token than the one their files name.
   */
  readonly endOfTurnId: number | undefined
  readonly bosId: number | undefined
  readonly eosId: number | undefined
  readonly padId: number | undefined
  /** One more than the largest token id. The model's vocabulary may be padded beyond it. */
  readonly vocabSize: number
  private readonly hub: HubTokenizer
  private readonly template: ChatTemplate | undefined
  private readonly specialTexts: readonly string[]

  /** @throws ModelError when the tokenizer's files or the chat template cannot be used */
  constructor(files: TokenizerFiles) {
    this.hub = loadTokenizer(files)
    const named = specialTokensMap(files.tokenizerConfig)
    const idOf = (name: string): number | undefined => {
      const text = named[name]
      return text === undefined ? undefined : this.hub.token_to_id(text)
    }
    this.bosId = idOf('bos_token')
    this.eosId = idOf('eos_token')
    this.padId = idOf('pad_token')
    this.declaredStopTokenIds = stopTokenIds([files.generationConfig, files.config], this.eosId)
    this.vocabSize = countTokens(this.hub)
    this.specialTexts = specialTexts(files.tokenizer)
    this.template = files.chatTemplate === undefined ? undefined : new ChatTemplate(files.chatTemplate, named)
    this.endOfTurnId = this.template && this.firstSpecial(endOfTurnText(this.template))
  }

  /**
   * @param text special tokens written out in it become special tokens: for text of our own only. Untrusted text goes
   *   through {@link encodeChat} or {@link encodeLiteral}.
   * @param options `addSpecialTokens` (default false) adds what the post-processor adds, such as a leading `<s>`
   */
  encode(text: string, options: { addSpecialTokens?: boolean } = {}): number[] {
    try {
      return this.hub.encode(text, { add_special_tokens: options.addSpecialTokens ?? false }).ids
    } catch (error) {
      throw unusable(error)
    }
  }

  /** As {@link encode}, but the text of a special token stays ordinary text. */
  encodeLiteral(text: string): number[] {
    const guarded = guardMessages([{ role: '', content: text }], this.specialTexts)
    return this.encodePieces(guarded.messages[0]?.content ?? '', guarded.literals)
  }

  /** @param options `skipSpecialTokens` (default true). Ids beyond the vocabulary are left out. */
  decode(tokens: readonly number[], options: { skipSpecialTokens?: boolean } = {}): string {
    const known = tokens.filter((id) => this.hub.id_to_token(id) !== undefined)
    if (known.length === 0) return ''
    return this.hub.decode(known, {
      skip_special_tokens: options.skipSpecialTokens ?? true,
      clean_up_tokenization_spaces: false,
    })
  }

  /** Ids that end an answer: those that the files name, and the one with which the template ends a turn. */
  get stopTokenIds(): readonly number[] {
    const { declaredStopTokenIds: declared, endOfTurnId } = this
    return endOfTurnId === undefined || declared.includes(endOfTurnId) ? declared : [...declared, endOfTurnId]
  }

  /** The special token that a text begins with. */
  private firstSpecial(text: string): number | undefined {
    const special = this.specialTexts.find((token) => text.startsWith(token))
    return special === undefined ? undefined : this.tokenToId(special)
  }

  tokenToId(token: string): number | undefined {
    return this.hub.token_to_id(token)
  }

  idToToken(id: number): string | undefined {
    return this.hub.id_to_token(id)
  }

  get hasChatTemplate(): boolean {
    return this.template !== undefined
  }

  /** The conversation as text, for showing. Use {@link encodeChat} to encode: it keeps contents from becoming structure. */
  renderChat(messages: readonly ChatMessage[], options: ChatOptions = {}): string {
    const guarded = guardMessages(messages, this.specialTexts)
    return restoreLiterals(this.requireTemplate().render(guarded.messages, options), guarded.literals)
  }

  /** The conversation as token ids; special tokens come from the template alone, never from a message's content. */
  encodeChat(messages: readonly ChatMessage[], options: ChatOptions = {}): number[] {
    const guarded = guardMessages(messages, this.specialTexts)
    return this.encodePieces(this.requireTemplate().render(guarded.messages, options), guarded.literals)
  }

  private encodePieces(rendered: string, literals: readonly string[]): number[] {
    return encodablePieces(rendered, literals).flatMap((piece) => this.encode(piece))
  }

  private requireTemplate(): ChatTemplate {
    if (this.template !== undefined) return this.template
    throw new ModelError(
      'the model folder has no chat template; add chat_template.jinja or use a model tuned for conversation',
    )
  }
}

function loadTokenizer(files: TokenizerFiles): HubTokenizer {
  checkTokenizerFile(files.tokenizer)
  const added = files.tokenizer['added_tokens'] ?? []
  try {
    return createHubTokenizer({ ...files.tokenizer, added_tokens: added }, files.tokenizerConfig)
  } catch (error) {
    throw unusable(error)
  }
}

function unusable(error: unknown): ModelError {
  return new ModelError(`tokenizer.json cannot be used: ${errorMessage(error)}`, { cause: error })
}

function countTokens(hub: HubTokenizer): number {
  let largest = -1
  for (const id of hub.get_vocab().values()) if (id > largest) largest = id
  return largest + 1
}
