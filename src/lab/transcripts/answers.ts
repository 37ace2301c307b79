/**
 * How people of the micro-world answer questions: completely, in part, wrongly, hedged or padded. A mixture, drawn by
 * seed, of about equal length whatever the quality. Knows nothing of prompts and tags.
 */
import type { Rng } from '../../core/rng.ts'
import type { Attribute } from '../world/attributes.ts'
import { otherValue } from '../world/entities.ts'
import type { Entity, Facts } from '../world/entities.ts'

/** What an answer says about one attribute: no value (vague or left out), one, or two. */
export interface Claim {
  attribute: Attribute
  values: string[]
  /** Left out altogether rather than spoken of vaguely. */
  omitted: boolean
}

/** What a text says under a criterion's name: of an attribute its values, of a demand what a program sees. */
export interface Said {
  attribute: string
  values: readonly string[]
}

export interface Answer {
  text: string
  claims: Claim[]
}

/** Share of answers whose author believes the rumours where there are any. */
const GOSSIP_SHARE = 0.55
/** Share of answers that say where they have it from. */
const CITES_SOURCE = 0.4

type Style = 'complete' | 'partial' | 'wrong' | 'hedged' | 'padded'

const STYLES: [Style, number][] = [
  ['complete', 0.2],
  ['partial', 0.2],
  ['wrong', 0.22],
  ['hedged', 0.2],
  ['padded', 0.18],
]

const OPENERS = ['', 'I think that ', 'As far as I know, ']
const VAGUE = ['hard to say', 'not known to me', 'a thing I forgot']
const PADDING = ['That is all I can tell you.', 'There is more to say on another day.', 'I hope this helps you.']

/** What a person takes for true: the almanac, or the rumours where there are any. */
export function drawBelief(entity: Entity, random: Rng): { facts: Facts; gossip: boolean } {
  const gossip = random.uniform() < GOSSIP_SHARE
  return { facts: gossip ? new Map([...entity.facts, ...entity.rumours]) : entity.facts, gossip }
}

/** One answer about `asked`, from a person who holds a belief of their own (see `drawBelief`). */
export function drawAnswer(entity: Entity, asked: readonly Attribute[], random: Rng): Answer {
  const { claims, gossip, style } = drawStyledClaims(entity, asked, random)
  const opener = random.uniform() < CITES_SOURCE ? citation(gossip) : random.pick(OPENERS)
  const padding = style === 'padded' ? ` ${random.pick(PADDING)}` : ''
  return { text: `${sentence(`${opener}${speak(claims, random)}`)}${padding}`, claims }
}

/** What such a person claims of each asked attribute, without the words around it. */
export function drawClaims(entity: Entity, asked: readonly Attribute[], random: Rng): Claim[] {
  return drawStyledClaims(entity, asked, random).claims
}

function drawStyledClaims(
  entity: Entity,
  asked: readonly Attribute[],
  random: Rng,
): { claims: Claim[]; gossip: boolean; style: Style } {
  const { facts, gossip } = drawBelief(entity, random)
  const style = drawStyle(random)
  const kept = random.below(asked.length)
  const claims = asked.map((attribute, i) =>
    drawClaim(style, attribute, facts.get(attribute) ?? '', i === kept, random),
  )
  return { claims, gossip, style }
}

/** The answer that the document gives: every asked attribute with its value. */
export function referenceAnswer(asked: readonly Attribute[], facts: Facts): string {
  const clauses = asked.map((attribute) => `the ${attribute} is ${facts.get(attribute) ?? ''}`)
  return sentence(join(clauses))
}

/** With a capital and a full stop. */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

function citation(gossip: boolean): string {
  return gossip ? 'People say that ' : 'The almanac says that '
}

function drawStyle(random: Rng): Style {
  let left = random.uniform()
  for (const [style, share] of STYLES) {
    left -= share
    if (left < 0) return style
  }
  return 'padded'
}

function drawClaim(style: Style, attribute: Attribute, value: string, kept: boolean, random: Rng): Claim {
  const draw = random.uniform()
  const claim = (...values: string[]): Claim => ({ attribute, values, omitted: false })
  const wrong = (): string => otherValue(attribute, value, random)
  switch (style) {
    case 'complete':
      return claim(value)
    case 'partial':
      return kept || draw < 0.3 ? claim(value) : claim()
    case 'wrong':
      return draw < 0.25 ? claim(value) : claim(wrong())
    case 'hedged':
      if (draw < 0.2) return claim(value)
      return draw < 0.75 ? claim(...random.shuffle([value, wrong()])) : twoWrong(attribute, value, random)
    case 'padded':
      return kept ? claim(value) : { attribute, values: [], omitted: draw < 0.5 }
  }
}

function twoWrong(attribute: Attribute, value: string, random: Rng): Claim {
  const first = otherValue(attribute, value, random)
  let second = otherValue(attribute, value, random)
  while (second === first) second = otherValue(attribute, value, random)
  return { attribute, values: [first, second], omitted: false }
}

function speak(claims: Claim[], random: Rng): string {
  const clauses = claims
    .filter((claim) => !claim.omitted)
    .map(({ attribute, values }) => {
      return `the ${attribute} is ${values.length === 0 ? random.pick(VAGUE) : values.join(' or ')}`
    })
  return join(clauses)
}

function join(clauses: string[]): string {
  return clauses.length < 2 ? clauses.join('') : `${clauses.slice(0, -1).join(', ')} and ${clauses.at(-1) ?? ''}`
}
