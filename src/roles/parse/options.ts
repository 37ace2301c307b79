/** What every parser takes and gives. Knows no format. */
import type { ParseFailure, ParseResult } from '../../records/index.ts'

/**
 * `published`: exactly the rules of the published system. `lenient` (default): whatever the published rules accept gives
 * the same value, and what models really write beside that is put right, each kind of repair named in the result.
 * One exception: a reply that opens with `<think>` and never closes it holds only a draft, and is `truncated`.
 */
export type Dialect = 'published' | 'lenient'

export interface ParseOptions {
  readonly dialect?: Dialect
  /**
   * Whether the token limit cut the reply. Where nobody knows, an opened and never closed tag tells: then the reason is
   * `truncated`, and `noTag` when the caller says that the reply ended by itself.
   */
  readonly truncated?: boolean
}

/** The kinds of repair of the lenient dialect, as they appear in `repaired`. */
export type Repair =
  /** `<Answer>`, `</answer >`, `<\/answer>`. */
  | 'tagSpelling'
  /** The format was restated with `...` in the tag, or the same content was given twice. */
  | 'repeatedTag'
  /** The tag never closes, but the JSON in it is complete. */
  | 'unclosedTag'
  /** No tag, but the reply is nothing else than JSON, fenced or not. */
  | 'missingTag'
  | 'codeFence'
  | 'textAroundJson'
  /** Trailing commas, smart or single quotes, missing quotes, commas or brackets, comments, stray backslashes. */
  | 'jsonSyntax'
  /** A list, a single bare object or an enclosing object where an object of criteria belongs. */
  | 'criteriaForm'
  | 'extraKeys'
  /** `Weight`, `ground truth`. */
  | 'keySpelling'
  /** A number, boolean or list of strings where a text belongs. */
  | 'textFromValue'
  /** No gold (absent or null), taken as "Not applicable"; no thoughts, taken as an empty text. */
  | 'absentText'
  | 'numberFromText'
  /** `Answer A.` for `A`, `7/10` for `7`. */
  | 'verdictSpelling'

export function failure(reason: ParseFailure): { readonly ok: false; readonly reason: ParseFailure } {
  return { ok: false, reason }
}

/** A value, with each kind of repair once and in order; without `repaired` when there was none. */
export function success<T>(value: T, repairs: readonly Repair[] = []): ParseResult<T> {
  return repairs.length === 0 ? { ok: true, value } : { ok: true, value, repaired: [...new Set(repairs)] }
}
