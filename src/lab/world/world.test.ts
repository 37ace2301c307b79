import { describe, expect, it } from 'vitest'
import { rng } from '../../core/rng.ts'
import { allValues, ATTRIBUTES, KINDS, KIND_ATTRIBUTES } from './attributes.ts'
import { fillerTexts, writeAlmanacEntry, writeRumour } from './documents.ts'
import { alterEntity, createWorld, drawUnknown } from './entities.ts'

const world = createWorld()
const everyone = [...world.train, ...world.heldOut]
const wordsOf = (text: string): string[] => text.match(/\p{L}+/gu) ?? []

describe('the vocabulary of the world', () => {
  it('has 24 attributes with 12 values each, all different', () => {
    expect(ATTRIBUTES).toHaveLength(24)
    expect(new Set(allValues()).size).toBe(24 * 12)
  })
  it('keeps value words and attribute words out of the fillers', () => {
    const taken = new Set<string>([...allValues(), ...ATTRIBUTES])
    expect(
      fillerTexts()
        .flatMap(wordsOf)
        .filter((word) => taken.has(word)),
    ).toEqual([])
  })
})

describe('the world', () => {
  it('is a function of its seed', () => {
    expect(createWorld('another')).toEqual(createWorld('another'))
    expect(createWorld('another').train[0]?.facts).not.toEqual(world.train[0]?.facts)
  })
  it('gives every name to one thing only', () => {
    const names = [...everyone.map((entity) => entity.name), ...world.freeNames]
    expect(new Set(names).size).toBe(names.length)
    expect(world.heldOut).toHaveLength(40)
  })
  it('states the eight attributes of the kind, and rumours that contradict three of them', () => {
    for (const { kind, facts, rumours } of everyone) {
      expect(new Set(facts.keys())).toEqual(new Set(KIND_ATTRIBUTES[kind]))
      expect(rumours.size).toBe(3)
      for (const [attribute, value] of rumours) expect(value).not.toBe(facts.get(attribute))
    }
  })
  it('spreads the held-out things over all kinds', () => {
    for (const kind of KINDS) expect(world.heldOut.filter((entity) => entity.kind === kind)).toHaveLength(8)
  })
  it('alters about half of the facts and leaves the original alone', () => {
    const random = rng(1, 'test')
    const counts = world.train.map((entity) => {
      const altered = alterEntity(entity, random)
      return [...entity.facts].filter(([attribute, value]) => altered.facts.get(attribute) !== value).length
    })
    const mean = counts.reduce((a, b) => a + b, 0) / counts.length
    expect(mean).toBeGreaterThan(3.4)
    expect(mean).toBeLessThan(4.6)
    expect(createWorld()).toEqual(world)
  })
})

describe('texts', () => {
  it('state exactly the facts that they are said to state, and name their thing alone', () => {
    const random = rng(2, 'test')
    const names = new Set([...everyone.map((entity) => entity.name), ...world.freeNames])
    const values = new Set(allValues())
    for (let i = 0; i < 300; i++) {
      const entity = i % 2 === 0 ? random.pick(everyone) : drawUnknown(world, random)
      const { text, stated } = writeAlmanacEntry(entity, random)
      const words = wordsOf(text)
      expect(words.filter((word) => values.has(word))).toEqual(stated.map((attribute) => entity.facts.get(attribute)))
      expect(new Set(words.filter((word) => names.has(word)))).toEqual(new Set([entity.name]))
    }
  })
  it('have between 45 and 130 words', () => {
    const random = rng(3, 'test')
    const lengths = Array.from(
      { length: 500 },
      () => wordsOf(writeAlmanacEntry(random.pick(everyone), random).text).length,
    )
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(45)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(130)
  })
  it('of rumours state the three rumours', () => {
    const random = rng(4, 'test')
    const entity = random.pick(everyone)
    const values = new Set(allValues())
    const said = wordsOf(writeRumour(entity, random)).filter((word) => values.has(word))
    expect(new Set(said)).toEqual(new Set(entity.rumours.values()))
  })
})
