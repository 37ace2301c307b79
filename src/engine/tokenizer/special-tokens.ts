/** The named special tokens of a model folder and the ids that end an answer. Pure reading of configuration values. */
import { isJsonObject } from '../../core/json.ts'
import type { JsonValue } from '../../core/json.ts'

type JsonObject = { [key: string]: JsonValue }

const NAMES = ['bos_token', 'eos_token', 'pad_token', 'unk_token', 'sep_token', 'cls_token', 'mask_token'] as const

/** `{ bos_token: '<s>', … }` as transformers hands it to chat templates. A token is a text or `{ content }`. */
export function specialTokensMap(tokenizerConfig: JsonObject): Record<string, string> {
  const tokens: Record<string, string> = {}
  for (const name of NAMES) {
    const content = tokenContent(tokenizerConfig[name])
    if (content !== undefined) tokens[name] = content
  }
  return tokens
}

function tokenContent(value: JsonValue | undefined): string | undefined {
  const content = isJsonObject(value) ? value['content'] : value
  return typeof content === 'string' ? content : undefined
}

/** The texts of all added tokens that are marked special in `tokenizer.json`, longest first. */
export function specialTexts(tokenizer: JsonObject): string[] {
  const added = tokenizer['added_tokens']
  if (!Array.isArray(added)) return []
  return added
    .filter(isJsonObject)
    .filter((token) => token['special'] === true)
    .map((token) => token['content'])
    .filter((content): content is string => typeof content === 'string' && content.length > 1)
    .sort((a, b) => b.length - a.length)
}

/**
 * Ids that end an answer: `eos_token_id` of `generation_config.json` (a number or a list), else of `config.json`,
 * together with the tokenizer's own end-of-sequence token.
 */
export function stopTokenIds(sources: readonly (JsonObject | undefined)[], eosId: number | undefined): number[] {
  const ids = new Set<number>()
  for (const source of sources) {
    const value = source?.['eos_token_id']
    for (const id of Array.isArray(value) ? value : [value]) {
      if (typeof id === 'number' && Number.isInteger(id) && id >= 0) ids.add(id)
    }
    if (ids.size > 0) break
  }
  if (eosId !== undefined) ids.add(eosId)
  return [...ids]
}
