/**
 * A small trainer for byte-level BPE (Sennrich et al. 2016; GPT-2's byte alphabet and pre-tokeniser). Merges are made in
 * order of frequency, ties by text, until every required word is one token. Knows nothing of the laboratory.
 */

/** GPT-2's split into pieces; a word carries its leading space. */
const PIECES = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu

export interface BytePairVocabulary {
  /** Token (in byte-alphabet letters) → id; the 256 bytes first, then the merges in order. */
  vocab: Map<string, number>
  merges: [string, string][]
}

interface Word {
  symbols: string[]
  count: number
}

/**
 * Learns merges from `counts` (piece → count) until each of `required` is a single token, at most `maxMerges`.
 * Throws a RangeError when that is not enough.
 */
export function trainBytePairs(
  counts: ReadonlyMap<string, number>,
  required: readonly string[],
  maxMerges: number,
): BytePairVocabulary {
  const words = [...counts].map(([text, count]): Word => ({ symbols: Array.from(toByteLetters(text)), count }))
  const vocab = new Map(byteAlphabet().map((letter, i) => [letter, i]))
  const missing = new Set(required.map(toByteLetters))
  const merges: [string, string][] = []
  while (missing.size > 0) {
    const best = mostFrequentPair(words)
    if (best === undefined || merges.length >= maxMerges) {
      throw new RangeError(`${missing.size} required words are still split after ${merges.length} merges`)
    }
    merges.push(best)
    const merged = best[0] + best[1]
    vocab.set(merged, vocab.size)
    missing.delete(merged)
    for (const word of words) applyMerge(word, best)
  }
  return { vocab, merges }
}

/**
 * Adds what makes each of `words` a single token, behind everything that is there: old ids stay, and so does the tokenisation
 * of every text without the new words. Changes `vocab` and `merges`.
 */
export function extendBytePairs(
  vocab: Map<string, number>,
  merges: [string, string][],
  words: readonly string[],
): void {
  for (const text of words) {
    const word = { symbols: Array.from(toByteLetters(text)), count: 1 }
    for (const merge of merges) applyMerge(word, merge)
    while (word.symbols.length > 1) {
      const [left = '', right = ''] = word.symbols
      const merge: [string, string] = [left, right]
      merges.push(merge)
      if (!vocab.has(left + right)) vocab.set(left + right, vocab.size)
      applyMerge(word, merge)
    }
  }
}

/** Counts the pre-tokeniser's pieces of the texts. */
export function countPieces(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const text of texts) {
    for (const [piece] of text.matchAll(PIECES)) counts.set(piece, (counts.get(piece) ?? 0) + 1)
  }
  return counts
}

/** The UTF-8 bytes of the text, each as its letter of GPT-2's alphabet. */
export function toByteLetters(text: string): string {
  const alphabet = byteAlphabet()
  return [...new TextEncoder().encode(text)].map((byte) => alphabet[byte] ?? '').join('')
}

function mostFrequentPair(words: Word[]): [string, string] | undefined {
  const totals = new Map<string, number>()
  for (const { symbols, count } of words) {
    symbols.slice(1).forEach((right, i) => {
      const pair = `${symbols[i] ?? ''} ${right}`
      totals.set(pair, (totals.get(pair) ?? 0) + count)
    })
  }
  const [best] = [...totals].reduce<[string, number]>(
    (a, b) => (b[1] > a[1] || (b[1] === a[1] && b[0] < a[0]) ? b : a),
    ['', 0],
  )
  const [left, right] = best.split(' ')
  return left === undefined || right === undefined ? undefined : [left, right]
}

function applyMerge(word: Word, [left, right]: [string, string]): void {
  const { symbols } = word
  if (symbols.length < 2) return
  const merged: string[] = []
  for (let i = 0; i < symbols.length; i++) {
    const symbol = symbols[i] ?? ''
    if (symbol === left && symbols[i + 1] === right) {
      merged.push(left + right)
      i++
    } else merged.push(symbol)
  }
  word.symbols = merged
}

let cachedAlphabet: string[] | undefined

/** GPT-2's byte → printable letter table: printable Latin-1 bytes are themselves, the others follow from U+0100. */
function byteAlphabet(): string[] {
  if (cachedAlphabet !== undefined) return cachedAlphabet
  const alphabet: string[] = []
  let next = 256
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    alphabet.push(String.fromCharCode(printable ? byte : next++))
  }
  cachedAlphabet = alphabet
  return alphabet
}
