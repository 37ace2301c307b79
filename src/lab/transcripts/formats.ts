/** Answers in a form: an opening word, clauses set apart in one way, a closing word. Knows nothing of prompts and tags. */
import type { Claim } from './answers.ts'

/** The form that an answer has; absent opening and closing words are left out. */
export interface Form {
  opening: string | undefined
  separator: string
  closing: string | undefined
}

const JOINTS: Readonly<Record<string, string>> = { commas: ', ', semicolons: '; ', dashes: ' - ', stops: '. ' }

const VAGUE = 'hard to say'

/** The claims as clauses in the form; what is left out of the answer is left out here. */
export function writeFormatted(claims: readonly Claim[], { opening, separator, closing }: Form): string {
  const clauses = claims
    .filter(({ omitted }) => !omitted)
    .map(({ attribute, values }) => `the ${attribute} is ${values.length === 0 ? VAGUE : values.join(' or ')}`)
  const sentences = separator === 'stops'
  const first = opening === undefined ? capital : (clause: string): string => `${opening}, ${clause}`
  const written = clauses.map((clause, i) => (i === 0 ? first(clause) : sentences ? capital(clause) : clause))
  const end = closing === undefined ? '' : ` ${closing}.`
  return `${written.join(JOINTS[separator] ?? ', ')}.${end}`
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}
