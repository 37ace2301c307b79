/**
 * What a task of the laboratory asks for beyond facts: the length of a tale, the form of an answer. How a demand is put into
 * words, read back from them, and seen in a text by a program. Knows no model and nothing of the world.
 */

/** Demand → what may be asked for. None of these words is a value of the world. */
export const DEMANDS = {
  length: ['twenty', 'thirty', 'forty'],
  opening: ['Well', 'Listen', 'Surely', 'Indeed', 'Hello', 'Friend'],
  separator: ['commas', 'semicolons', 'dashes', 'stops'],
  closing: ['Amen', 'Farewell', 'Goodbye', 'Thanks', 'Cheers'],
} as const satisfies Record<string, readonly string[]>

export type DemandName = keyof typeof DEMANDS

export interface Demand {
  name: DemandName
  gold: string
}

const PHRASES: Record<DemandName, (gold: string) => string> = {
  length: (gold) => `about ${gold} words`,
  opening: (gold) => `begin with ${gold}`,
  separator: (gold) => `separate by ${gold}`,
  closing: (gold) => `end with ${gold}`,
}

export const DEMAND_NAMES = Object.keys(DEMANDS) as DemandName[]

/** What a text shows that keeps no form at all, and of lengths below and above what may be asked. */
export const NOTHING = 'nothing'
export const FEWER = 'fewer'
export const MORE = 'more'

/** What may be asked for, as plain strings. */
export function demandValues(name: DemandName): readonly string[] {
  return DEMANDS[name]
}

/** The words that ask for it, to stand inside a question. */
export function demandPhrase({ name, gold }: Demand): string {
  return PHRASES[name](gold)
}

/** The demands that a question makes, in the order of {@link DEMANDS}. */
export function readDemands(question: string): Demand[] {
  const text = question.toLowerCase()
  return DEMAND_NAMES.flatMap((name) => {
    const gold = demandValues(name).find((value) => text.includes(demandPhrase({ name, gold: value }).toLowerCase()))
    return gold === undefined ? [] : [{ name, gold }]
  })
}

const OBSERVERS: Record<DemandName, (text: string) => string> = {
  length: lengthOf,
  opening: openingOf,
  separator: separatorOf,
  closing: closingOf,
}

/** What the text shows of the demand: one of its values, or a word for none of them. */
export function observed(name: DemandName, text: string): string {
  return OBSERVERS[name](text.trim())
}

/** Words to the nearest ten: 15 to 24 are about twenty, 25 to 34 about thirty, 35 to 44 about forty. */
function lengthOf(text: string): string {
  const count = text.split(/\s+/).length
  if (count < 15) return FEWER
  return demandValues('length')[Math.floor((count - 15) / 10)] ?? MORE
}

function openingOf(text: string): string {
  return demandValues('opening').find((word) => text.startsWith(`${word}, `)) ?? NOTHING
}

function closingOf(text: string): string {
  return demandValues('closing').find((word) => text.endsWith(` ${word}.`)) ?? NOTHING
}

/** Between the clauses of the answer, its opening and closing words put aside. Mixed separators are none. */
function separatorOf(text: string): string {
  const opening = openingOf(text)
  const closing = closingOf(text)
  const body = text.slice(
    opening === NOTHING ? 0 : opening.length + 2,
    closing === NOTHING ? undefined : text.length - closing.length - 2,
  )
  const marks: [string, RegExp][] = [
    ['commas', /, /],
    ['semicolons', /; /],
    ['dashes', / - /],
    ['stops', /\. \S/],
  ]
  const found = marks.filter(([, mark]) => mark.test(body)).map(([name]) => name)
  return found.length === 1 ? (found[0] ?? NOTHING) : NOTHING
}
