/**
 * The one importer of @huggingface/tokenizers. Its declarations import each other without file extensions, which
 * Node's module resolution does not follow, so the part that is used is declared here.
 */
import * as library from '@huggingface/tokenizers'

export interface HubTokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] }
  decode(tokens: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string
  token_to_id(token: string): number | undefined
  id_to_token(id: number): string | undefined
  get_vocab(): Map<string, number>
}

const constructor: unknown = library.Tokenizer

/** A tokenizer from the parsed `tokenizer.json` and `tokenizer_config.json`. Throws when they are not usable. */
export const createHubTokenizer = (tokenizer: object, config: object): HubTokenizer =>
  new (constructor as new (tokenizer: object, config: object) => HubTokenizer)(tokenizer, config)
