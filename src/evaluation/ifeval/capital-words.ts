/**
 * Words in capitals as the official checker counts them: tokens of the Penn Treebank kind (NLTK's `word_tokenize`), so
 * that `IT'S` is two and `WELL-KNOWN` is one. Only what can change the count of capital tokens is carried out: pieces
 * without a letter are never in capitals. Pure.
 */
import { isUpper, splitSpace } from './python-text.ts'
import { splitSentences } from './sentences.ts'

/** Characters that stand alone whatever is beside them. */
const SEPARATE = /[«“‘„`»”;@#$%&\u2012-\u2015?!*()[\]{}<>"]|\.{2,}|--/gu
/** Of one character: `'A` is two tokens, `'TIS` is left to the contractions. */
const QUOTE_BEFORE_WORD = /'(?!re|ve|ll|m|t|s|d|n)(?=[\p{L}\p{N}_](?![\p{L}\p{N}_]))/giu
const CONTRACTIONS =
  /(?<![\p{L}\p{N}_])(can)(not)(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])(gim|lem)(me)(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])(gon)(na)(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])(got)(ta)(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])(wan)(na)(?=\s)|(?<![\p{L}\p{N}_])(d)('ye)(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])(more)('n)(?![\p{L}\p{N}_])| ('t)(is|was)(?![\p{L}\p{N}_])/giu

export function countCapitalWords(text: string): number {
  return splitSentences(text).flatMap(tokens).filter(isUpper).length
}

function tokens(sentence: string): string[] {
  // A full stop stands alone at the end of a sentence only: `DON'T.` is `DO`, `N'T`, `.` there.
  let spaced = sentence.replace(/([^.])\.([\])}>"'»”’ ]*)\s*$/, '$1 . $2 ')
  spaced = spaced.replaceAll(SEPARATE, ' $& ').replaceAll('’', ' ’ ').replaceAll("''", " '' ")
  spaced = spaced
    .replaceAll(QUOTE_BEFORE_WORD, "' ")
    .replaceAll(/[:,](?=\P{Nd})/gu, ' $& ')
    .replace(/[:,]$/, ' $& ')
  spaced = ` ${spaced} `.replaceAll(/\s+/g, ' ')
  spaced = spaced.replaceAll(/([^' ])('[sS]|'[mM]|'[dD]|') /g, '$1 $2 ')
  spaced = spaced.replaceAll(/([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) /g, '$1 $2 ')
  spaced = spaced.replaceAll(CONTRACTIONS, (_whole, ...groups: unknown[]) => {
    const parts = groups.slice(0, 16).filter((group): group is string => typeof group === 'string')
    return ` ${parts.join(' ')} `
  })
  return splitSpace(spaced)
}
