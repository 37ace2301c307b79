/**
 * Sentences as Punkt decides them (Kiss & Strunk 2006, "Unsupervised Multilingual Sentence Boundary Detection"), in the
 * form that NLTK applies to English: what ends in a full stop, an exclamation or a question mark ends a sentence, unless
 * it is an abbreviation, an initial or a number that what follows shows to go on. The official checkers use NLTK's trained
 * tables of 20,000 words; here stand short lists of what English answers hold. Pure; linear but for the words' lengths.
 */
import { isSpace } from './python-text.ts'

// Abbreviations that the English model knows. It does not know "e.g.", "i.e." and "etc.": they end sentences there.
const ABBREVIATIONS = new Set(
  (
    'dr mr mrs ms prof st jr sr inc ltd co corp bros vs gen col lt maj adm sen rep reps messrs ave ft mg yr cos dec jan ' +
    'feb aug sep sept oct nov tues wed fri u.s u.k u.n u.s.a u.s.s.r d.c n.y l.a a.m p.m a.d ph.d m.b.a p.a.m j.k j.r r.j ' +
    'calif conn ill mich minn ore wash wis pa va vt fla ga ala ariz colo kan ky okla tenn n.c s.c n.j n.h n.m ' +
    'c d e f g h k l m n p r s t v w ok ct'
  ).split(' '),
)
/** Capitalised, they begin a sentence even after an abbreviation. */
const STARTERS = new Set(
  (
    'although among besides but despite even he her however if in indeed instead it many meanwhile moreover most ' +
    'nevertheless separately since some still such the there these they this though thus under when whether which while ' +
    'without yet your both here i yesterday tomorrow finally according between through does being please try remember ' +
    'note consider think unless either neither therefore hence overall furthermore so nor similarly nonetheless'
  ).split(' '),
)

const CLOSING = '"\')\\]}\\u2018\\u2019\\u201c\\u201d\\xab\\xbb'
const NON_WORD = `[)";}\\]*:@'({\\[\\u2018\\u2019\\u201c\\u201d\\xab\\xbb?!]`
const MANY = '(?:-{2,}|\\.{2,}|(?:\\.\\s){2,}\\.)'
const CANDIDATE = new RegExp(`[.?!](?=(${NON_WORD}|\\s+(\\S+)))`, 'gu')
const TOKEN = new RegExp(
  `${MANY}|(?=[^("\`{[:;&#*@)}\\]\\-,])\\S+?(?=\\s|$|${NON_WORD}|${MANY}|,(?=$|\\s|${NON_WORD}|${MANY}))|\\S`,
  'gu',
)
const REALIGN = new RegExp(`^[${CLOSING}]+?(?:\\s+|(?=--)|$)`, 'mu')

/** The sentences that NLTK's English tokenizer finds. */
export function splitSentences(text: string): string[] {
  return realigned(text, slices(text)).map(({ start, stop }) => text.slice(start, stop))
}

interface Slice {
  readonly start: number
  readonly stop: number
}

interface Candidate {
  /** Where the word before it starts. */
  readonly wordStart: number
  readonly at: number
  readonly after: string
  readonly next: string | undefined
}

function slices(text: string): Slice[] {
  const found: Slice[] = []
  let last = 0
  for (const { wordStart, at, after, next } of candidates(text)) {
    if (!breaks(text.slice(wordStart, at) + (text[at] ?? '') + after)) continue
    found.push({ start: last, stop: at + 1 })
    last = next === undefined ? at + 1 : at + 1 + after.length - next.length
  }
  let end = text.length
  while (end > 0 && isSpace(text[end - 1])) end--
  return [...found, { start: last, stop: end }]
}

/** Possible ends; of several in one word (`acting!!!`) the last. */
function candidates(text: string): Candidate[] {
  const found: Candidate[] = []
  let previous: (Candidate & { readonly wordStop: number }) | undefined
  let previousStart = 0
  let previousStop = 0
  for (const match of text.matchAll(CANDIDATE)) {
    const space = lastSpace(text, previousStop, match.index)
    const wordStart = space > previousStop ? space + 1 : previousStart
    if (previous !== undefined && previous.wordStop <= wordStart) found.push(previous)
    previous = { wordStart, wordStop: match.index, at: match.index, after: match[1] ?? '', next: match[2] }
    previousStart = wordStart
    previousStop = match.index
  }
  return previous === undefined ? found : [...found, previous]
}

/** Index of the last white space in [from, to); −1 for none. */
function lastSpace(text: string, from: number, to: number): number {
  for (let i = to - 1; i >= from; i--) if (isSpace(text[i])) return i
  return -1
}

/** A piece that is nothing but closing quotes and brackets belongs to the sentence before it. */
function realigned(text: string, all: readonly Slice[]): Slice[] {
  const found: Slice[] = []
  let offset = 0
  for (const [i, slice] of all.entries()) {
    const next = all[i + 1]
    const start = slice.start + offset
    const closing =
      next === undefined ? null : REALIGN.exec(text.slice(next.start, Math.min(next.stop, next.start + 256)))
    if (next !== undefined && closing !== null && closing.index === 0) {
      found.push({ start, stop: next.start + closing[0].trimEnd().length })
      offset = closing[0].length
    } else {
      if (start < slice.stop) found.push({ start, stop: slice.stop })
      offset = 0
    }
  }
  return found
}

interface Token {
  readonly text: string
  readonly final: boolean
  ends: boolean
  abbreviation: boolean
  readonly ellipsis: boolean
}

/** Whether a token before the last one ends a sentence. */
function breaks(context: string): boolean {
  const tokens = (context.match(TOKEN) ?? []).map(annotate)
  for (const [i, token] of tokens.entries()) {
    const next = tokens[i + 1]
    if (next !== undefined && token.final) reconsider(token, next)
    if (token.ends && next !== undefined) return true
  }
  return false
}

function annotate(text: string): Token {
  const final = text.endsWith('.')
  const ellipsis = /^\.\.+$/.test(text)
  const mark = text === '.' || text === '?' || text === '!'
  const single = !mark && !ellipsis && final && !text.endsWith('..')
  const word = text.slice(0, -1).toLowerCase()
  const abbreviation = single && (ABBREVIATIONS.has(word) || ABBREVIATIONS.has(word.split('-').at(-1) ?? ''))
  return { text, final, ends: mark || (single && !abbreviation), abbreviation, ellipsis }
}

function reconsider(token: Token, next: Token): void {
  const initial = /^[^\P{L}]\.$/u.test(token.text)
  const starts = startsSentence(next)
  if ((token.abbreviation || token.ellipsis) && !initial && starts === true) token.ends = true
  const number = /^-?[.,]?\p{Nd}[\p{Nd},.-]*\.?$/u.test(token.text)
  if (!initial && !number) return
  // "I" starts sentences after abbreviations, but after an initial it may be one of a name: Punkt never met a small "i".
  const nameGoesOn = next.text === 'I' || (starts === 'unknown' && isCapitalised(next.text))
  if (starts === false || (initial && nameGoesOn)) token.ends = false
}

function startsSentence({ text }: Token): boolean | 'unknown' {
  if (/^[;:,.!?]$/.test(text)) return false
  if (isCapitalised(text)) return STARTERS.has(text.toLowerCase().replace(/\.$/, '')) ? true : 'unknown'
  return /^\p{Ll}/u.test(text) ? false : 'unknown'
}

function isCapitalised(text: string): boolean {
  return /^\p{Lu}/u.test(text)
}
