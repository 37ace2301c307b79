import { describe, expect, it } from 'vitest'
import { oracleScore } from './oracle.ts'
import { createWorld } from './world/entities.ts'
import type { Entity } from './world/entities.ts'

const world = createWorld()
const name = world.heldOut[0]?.name ?? ''
const stranger = world.train[0]?.name ?? ''
const entity: Entity = {
  name,
  kind: 'creature',
  facts: new Map([
    ['color', 'red'],
    ['food', 'corn'],
  ]),
  rumours: new Map(),
}
const score = (answer: string | null): number => oracleScore(world, { entity, asked: ['color', 'food'] }, answer)

describe('the oracle', () => {
  it('gives the whole for exactly the truth, in any wording', () => {
    expect(score(`For ${name}, the color is red and the food is corn.`)).toBe(1)
    expect(score('corn and red')).toBe(1)
  })
  it('gives half of an attribute for the truth among two values', () => {
    expect(score('the color is blue or red and the food is corn')).toBe(0.75)
  })
  it('gives nothing for three values, a wrong value or none', () => {
    expect(score('red or blue or green, corn')).toBe(0.5)
    expect(score('the color is blue and the food is rice')).toBe(0)
    expect(score('the color is hard to say')).toBe(0)
  })
  it('counts a repeated value once', () => {
    expect(score('red, yes red, and corn')).toBe(1)
  })
  it('gives nothing for an answer about another thing', () => {
    expect(score(`For ${stranger}, the color is red and the food is corn.`)).toBe(0)
  })
  it('gives nothing for an invalid answer', () => {
    expect(score(null)).toBe(0)
  })
  it('ignores values of attributes that were not asked for', () => {
    expect(score('red, corn, and its mood is happy')).toBe(1)
  })
})
