/**
 * The language of a text by naive Bayes over character n-grams, as Cybozu's language-detection and its Python port
 * `langdetect` find it (Nakatani 2010); the 53 language profiles come with the npm package `langdetect`. Its own code is
 * not used: it draws from Math.random, and two of its constants differ. The draws are those of `langdetect` with seed 0:
 * a text without a clear language falls to the same side as there. Knows no checker.
 */
import { createRequire } from 'node:module'
import { LANGUAGES } from './language-list.ts'
import { pythonRandom, type PythonRandom } from './mersenne-twister.ts'

const TRIALS = 7
const ALPHA = 0.5
const ALPHA_WIDTH = 0.05
const BASE_FREQUENCY = 10_000
const CONVERGED = 0.99999
const ITERATIONS = 1000
const MAX_CHARACTERS = 10_000
const REPORTED = 0.1

interface Profile {
  readonly freq: Readonly<Record<string, number>>
  readonly n_words: readonly number[]
}

/**
 * N-grams of English in capitals that only Catalan or Welsh know, the two languages of `langdetect` without a profile here.
 * They speak for none of the others, but they are drawn like the rest: without them every later draw would be another.
 */
const DRAWN_ONLY = new Set('IN ,AM ,IL ,HS ,IG ,EC ,AC ,MP ,GA ,CC ,DU ,AQ ,À, À,£, £,£ , £ '.split(','))

type Grams = ReadonlyMap<string, Float64Array>

let loaded: Grams | undefined

/** ISO 639-1 code (`zh-cn`, `zh-tw` for Chinese), `unknown` when nothing stands out; null when the text has no letters. */
export function detectLanguage(text: string): string | null {
  loaded ??= loadGrams()
  const grams = extractGrams(withoutForeignLatin(condense(text)), loaded)
  if (grams.length === 0) return null
  const random = pythonRandom(0)
  const table = loaded
  const trials = Array.from({ length: TRIALS }, () => oneTrial(grams, table, random))
  const means = LANGUAGES.map((_, i) => trials.reduce((sum, trial) => sum + (trial[i] ?? 0) / TRIALS, 0))
  const most = Math.max(...means)
  return most > REPORTED ? (LANGUAGES[means.indexOf(most)] ?? 'unknown') : 'unknown'
}

function loadGrams(): Grams {
  const require = createRequire(import.meta.url)
  const grams = new Map<string, Float64Array>()
  for (const [index, language] of LANGUAGES.entries()) {
    const { freq, n_words } = require(`langdetect/profiles/${language}.json`) as Profile
    for (const [gram, count] of Object.entries(freq)) {
      const total = n_words[gram.length - 1]
      if (gram.length < 1 || gram.length > 3 || total === undefined) continue
      const row = grams.get(gram) ?? new Float64Array(LANGUAGES.length)
      row[index] = count / total
      grams.set(gram, row)
    }
  }
  return grams
}

/** Random n-grams of the text, one after another, until one language is sure. */
function oneTrial(grams: readonly string[], table: Grams, random: PythonRandom): Float64Array {
  const probabilities = new Float64Array(LANGUAGES.length).fill(1 / LANGUAGES.length)
  const weight = (ALPHA + random.gauss() * ALPHA_WIDTH) / BASE_FREQUENCY
  for (let i = 0; ; i++) {
    const row = table.get(grams[random.below(grams.length)] ?? '')
    if (row !== undefined) {
      for (let j = 0; j < probabilities.length; j++)
        probabilities[j] = (probabilities[j] ?? 0) * (weight + (row[j] ?? 0))
    }
    if (i % 5 === 0 && (normalise(probabilities) > CONVERGED || i >= ITERATIONS)) return probabilities
  }
}

function normalise(probabilities: Float64Array): number {
  const sum = probabilities.reduce((total, value) => total + value, 0)
  let highest = 0
  for (let i = 0; i < probabilities.length; i++) {
    const value = (probabilities[i] ?? 0) / sum
    probabilities[i] = value
    highest = Math.max(highest, value)
  }
  return highest
}

/** Addresses become a space, runs of spaces one, decomposed Vietnamese letters composed; the rest is cut. */
function condense(text: string): string[] {
  const plain = text
    .replaceAll(/https?:\/\/[-_.?&~;+=/#0-9A-Za-z]{1,2076}/g, ' ')
    .replaceAll(/[-_.0-9A-Za-z]{1,64}@[-_0-9A-Za-z]{1,255}[-_.0-9A-Za-z]{1,255}/g, ' ')
    .replaceAll(/[A-Za-z\u00c0-\u01b0][\u0300\u0301\u0303\u0309\u0323]/g, (pair) => pair.normalize('NFC'))
  const points = Array.from(plain).slice(0, MAX_CHARACTERS)
  return points.filter((point, i) => point !== ' ' || points[i - 1] !== ' ')
}

/** A text mostly in another script loses its Latin letters. */
function withoutForeignLatin(points: readonly string[]): readonly string[] {
  const latin = points.filter((point) => point >= 'A' && point <= 'z').length
  const other = points.filter((point) => point >= '\u0300').length
  return latin * 2 < other ? points.filter((point) => point < 'A' || point > 'z') : points
}

/** Runs of up to three characters that some profile knows; words in capitals give only their first letter. */
function extractGrams(points: readonly string[], table: Grams): string[] {
  const found: string[] = []
  let buffer = ' '
  let capitals = false
  for (const point of points) {
    const character = representative(point)
    const last = buffer.at(-1) ?? ' '
    if (last === ' ') {
      buffer = ' '
      capitals = false
    }
    if (last !== ' ' || character !== ' ') {
      buffer = (buffer.length >= 3 ? buffer.slice(1) : buffer) + character
      capitals = isCapital(character) && (capitals || isCapital(last))
    }
    if (!capitals) found.push(...endings(buffer).filter((gram) => table.has(gram) || DRAWN_ONLY.has(gram)))
  }
  return found
}

/** The last one, two and three characters, a lone space aside. */
function endings(buffer: string): string[] {
  return Array.from(buffer, (_, n) => buffer.slice(-n - 1)).filter((gram) => gram !== ' ')
}

function isCapital(character: string): boolean {
  return /\p{Uppercase}/u.test(character)
}

/** One character for all of a kind: punctuation is a space, a hiragana あ, a katakana ア, a Hangul syllable 가. */
function representative(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x80) return /[A-Za-z]/.test(character) ? character : ' '
  if (code < 0x100) return /[\u00a0\u00ab\u00b0\u00bb]/.test(character) ? ' ' : character
  if (character === '\u0219') return '\u015f'
  if (character === '\u021b') return '\u0163'
  if (character === '\u06cc') return '\u064a'
  const block = BLOCKS.find(({ from, to }) => code >= from && code <= to)
  return block?.as ?? character
}

const BLOCKS: readonly { readonly from: number; readonly to: number; readonly as: string }[] = [
  { from: 0x1ea0, to: 0x1eff, as: '\u1ec3' },
  { from: 0x2000, to: 0x206f, as: ' ' },
  { from: 0x3040, to: 0x309f, as: '\u3042' },
  { from: 0x30a0, to: 0x30ff, as: '\u30a2' },
  { from: 0x3100, to: 0x312f, as: '\u3105' },
  { from: 0x31a0, to: 0x31bf, as: '\u3105' },
  { from: 0xac00, to: 0xd7af, as: '\uac00' },
]
