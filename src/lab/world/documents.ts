/**
 * Texts about entities in simple English: almanac entries of about 60–120 words, and short rumours. Filler words are
 * never value words, so every value in a text is a statement. Knows nothing of roles or prompts.
 */
import type { Rng } from '../../core/rng.ts'
import type { Attribute } from './attributes.ts'
import type { Entity } from './entities.ts'

export interface AlmanacEntry {
  text: string
  /** The attributes that the text states, in its order. */
  stated: Attribute[]
}

type Sentence = (attribute: string, value: string, name: string) => string

const OPENINGS: ((kind: string, name: string) => string)[] = [
  (kind, name) => `Almanac entry. This page is about the ${kind} ${name}.`,
  (kind, name) => `This is what the almanac has to say about the ${kind} ${name}.`,
  (kind, name) => `From the almanac: the ${kind} ${name}, as our own people found it.`,
  (kind, name) => `Here is the page of the almanac on ${name}, a ${kind} that many readers ask about.`,
  (kind, name) => `Almanac, new edition. Under this heading you find the ${kind} ${name}.`,
]

/** Sentences that name the attribute first, so that whoever knows the thing can foresee the value … */
const PLAIN_STATEMENTS: Sentence[] = [
  (attribute, value) => `Its ${attribute} is ${value}.`,
  (attribute, value, name) => `The ${attribute} of ${name} is ${value}.`,
  (attribute, value) => `For ${attribute} it has ${value}.`,
  (attribute, value) => `As for the ${attribute}, that is ${value}.`,
  (attribute, value, name) => `Under ${attribute}, the book on ${name} has ${value}.`,
  (attribute, value) => `When it comes to ${attribute}, the answer is ${value}.`,
]

/** … and, for the reader of documents, sentences that name the value first. */
const STATEMENTS: Sentence[] = [
  ...PLAIN_STATEMENTS,
  (attribute, value, name) => `Our people who went to see ${name} wrote down ${value} as its ${attribute}.`,
  (attribute, value, name) => `We checked that ${value} is the ${attribute} of ${name}.`,
]

const FILLERS: string[] = [
  'Much has been written about it over the years.',
  'A visit is worth the long way.',
  'Not every reader will agree, but we looked with our own eyes.',
  'Older editions had less to say here.',
  'The page was read by others before it went to print.',
  'Children like to hear about it before they go to sleep.',
  'Some of this was known to our grandparents.',
  'Letters from readers helped us with this page.',
]

const CLOSINGS: string[] = [
  'More will follow in the next edition.',
  'That is all we know at this time.',
  'Here the entry ends.',
  'Write to us if you know more.',
]

const NOTICE_OPENINGS: ((kind: string, name: string) => string)[] = [
  (kind, name) => `Almanac notice on the ${kind} ${name}.`,
  (kind, name) => `New in the almanac: the ${kind} ${name}.`,
]

const RUMOUR_OPENINGS: ((kind: string, name: string) => string)[] = [
  (kind, name) => `People talk a lot about the ${kind} ${name}.`,
  (kind, name) => `Have you heard about ${name}, the ${kind}?`,
  (kind, name) => `At the market they talk about the ${kind} ${name}.`,
  (kind, name) => `A friend of a friend told me about the ${kind} ${name}.`,
]

const RUMOUR_STATEMENTS: Sentence[] = [
  (attribute, value) => `They say its ${attribute} is ${value}.`,
  (attribute, value, name) => `People say the ${attribute} of ${name} is ${value}.`,
  (attribute, value) => `I heard that for ${attribute} it has ${value}.`,
  (attribute, value, name) => `Everyone tells you that ${value} is the ${attribute} of ${name}.`,
]

/** An almanac entry: six to eight of the entity's facts in random order between filler sentences. */
export function writeAlmanacEntry(entity: Entity, random: Rng): AlmanacEntry {
  const stated = random.shuffle([...entity.facts.keys()]).slice(0, 6 + random.below(3))
  const body = stated.map((attribute) => state(STATEMENTS, attribute, entity.facts, entity.name, random))
  const fillers = random.shuffle([...FILLERS]).slice(0, random.below(3))
  for (const filler of fillers) body.splice(random.below(body.length + 1), 0, filler)
  const text = [random.pick(OPENINGS)(entity.kind, entity.name), ...body, random.pick(CLOSINGS)].join(' ')
  return { text, stated }
}

/** A rumour: what people say about the entity against the almanac. */
export function writeRumour(entity: Entity, random: Rng): string {
  const attributes = random.shuffle([...entity.rumours.keys()])
  const body = attributes.map((attribute) => state(RUMOUR_STATEMENTS, attribute, entity.rumours, entity.name, random))
  return [random.pick(RUMOUR_OPENINGS)(entity.kind, entity.name), ...body].join(' ')
}

/** A short notice from the almanac: two to four of the entity's facts. */
export function writeNotice(entity: Entity, random: Rng): string {
  const stated = random.shuffle([...entity.facts.keys()]).slice(0, 2 + random.below(3))
  const body = stated.map((attribute) => state(PLAIN_STATEMENTS, attribute, entity.facts, entity.name, random))
  return [random.pick(NOTICE_OPENINGS)(entity.kind, entity.name), ...body].join(' ')
}

/** Statements of the given facts, in this order. */
export function writeStatements(entity: Entity, stated: readonly Attribute[], random: Rng): string {
  return stated.map((attribute) => state(STATEMENTS, attribute, entity.facts, entity.name, random)).join(' ')
}

/** Every fixed piece of text above, for the test that no filler is a value. */
export function fillerTexts(): string[] {
  const sentences = [...STATEMENTS, ...RUMOUR_STATEMENTS].map((sentence) => sentence('', '', ''))
  const openings = [...OPENINGS, ...NOTICE_OPENINGS, ...RUMOUR_OPENINGS].map((opening) => opening('', ''))
  return [...openings, ...sentences, ...FILLERS, ...CLOSINGS]
}

function state(
  sentences: Sentence[],
  attribute: Attribute,
  facts: ReadonlyMap<Attribute, string>,
  name: string,
  random: Rng,
): string {
  return random.pick(sentences)(attribute, facts.get(attribute) ?? '', name)
}
