/**
 * Short tales about a thing: what is claimed of it between sentences that say nothing, of a length that was asked for or of
 * another one. Filler words are never value words. Knows nothing of prompts and tags.
 */
import type { Rng } from '../../core/rng.ts'
import { observed } from '../demands.ts'
import type { Attribute } from '../world/attributes.ts'
import type { Claim } from './answers.ts'

const OPENINGS: ((kind: string, name: string) => string)[] = [
  (kind, name) => `There was a ${kind} called ${name}.`,
  (kind, name) => `Once upon a time there was a ${kind} called ${name}.`,
  (kind, name) => `This is the tale of the ${kind} ${name}.`,
]

const STATEMENTS: ((attribute: string, value: string, name: string) => string)[] = [
  (attribute, value) => `Its ${attribute} was ${value}.`,
  (attribute, value) => `Everyone knew that its ${attribute} was ${value}.`,
  (attribute, value, name) => `And the ${attribute} of ${name} was ${value}.`,
]

const VAGUE = (attribute: string): string => `Nobody knew its ${attribute}.`

const FILLERS = [
  'One day a stranger came along.',
  'The night was dark and the road had no end.',
  'Old people still whisper about it.',
  'Nobody ever forgot that evening.',
  'They walked on together for hours.',
  'Then everybody went home.',
]

const ENDINGS = ['That is the end.', 'And so the tale ends.']

/** Draws that are made before a length is given up; most lengths are met within ten. */
const DRAWS = 200

/** A tale that makes these claims, of about `length` words where that can be had. */
export function writeTale(kind: string, name: string, claims: readonly Claim[], length: string, random: Rng): string {
  let text = ''
  for (let i = 0; i < DRAWS; i++) {
    text = drawText(kind, name, claims, random)
    if (observed('length', text) === length) return text
  }
  return text
}

/** Every fixed piece of text above, for the test that no filler is a value. */
export function taleTexts(): string[] {
  return [
    ...OPENINGS.map((opening) => opening('', '')),
    ...STATEMENTS.map((statement) => statement('', '', '')),
    VAGUE(''),
    ...FILLERS,
    ...ENDINGS,
  ]
}

function drawText(kind: string, name: string, claims: readonly Claim[], random: Rng): string {
  const body = claims.filter(({ omitted }) => !omitted).map((claim) => sentence(claim, name, random))
  for (const filler of random.shuffle([...FILLERS]).slice(0, random.below(5))) {
    body.splice(random.below(body.length + 1), 0, filler)
  }
  const ending = random.uniform() < 0.6 ? [random.pick(ENDINGS)] : []
  return [random.pick(OPENINGS)(kind, name), ...body, ...ending].join(' ')
}

function sentence({ attribute, values }: Claim & { attribute: Attribute }, name: string, random: Rng): string {
  return values.length === 0 ? VAGUE(attribute) : random.pick(STATEMENTS)(attribute, values.join(' or '), name)
}
