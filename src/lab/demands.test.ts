import { describe, expect, it } from 'vitest'
import { rng } from '../core/rng.ts'
import { DEMAND_NAMES, demandPhrase, demandValues, observed, readDemands } from './demands.ts'
import { taleTexts, writeTale } from './transcripts/tales.ts'
import { writeFormatted } from './transcripts/formats.ts'
import { wordsOf } from './oracle.ts'
import { allValues, ATTRIBUTES } from './world/attributes.ts'

const claims = [
  { attribute: 'color' as const, values: ['red'], omitted: false },
  { attribute: 'food' as const, values: ['corn', 'rice'], omitted: false },
  { attribute: 'mood' as const, values: [], omitted: false },
]
const words = (count: number): string => Array.from({ length: count }, () => 'word').join(' ')

describe('demands', () => {
  it('are read back from the words that make them', () => {
    for (const name of DEMAND_NAMES) {
      for (const gold of demandValues(name)) {
        expect(readDemands(`Please ${demandPhrase({ name, gold })}.`), gold).toEqual([{ name, gold }])
      }
    }
    expect(readDemands('What are the color and food of the creature Zorbal?')).toEqual([])
  })
  it('of length are kept within five words', () => {
    const lengths = [14, 15, 24, 25, 34, 35, 44, 45].map((count) => observed('length', words(count)))
    expect(lengths).toEqual(['fewer', 'twenty', 'twenty', 'thirty', 'thirty', 'forty', 'forty', 'more'])
  })
  it('of form are seen in a text', () => {
    expect(observed('opening', 'Well, the color is red.')).toBe('Well')
    expect(observed('opening', 'The color is red, Well, so be it.')).toBe('nothing')
    expect(observed('closing', 'The color is red. Amen.')).toBe('Amen')
    expect(observed('closing', 'Amen. The color is red.')).toBe('nothing')
    expect(observed('separator', 'the color is red; the food is corn.')).toBe('semicolons')
    expect(observed('separator', 'Well, the color is red. The food is corn. Amen.')).toBe('stops')
    expect(observed('separator', 'Well, the color is red.')).toBe('nothing')
    expect(observed('separator', 'the color is red, the food is corn; the mood is sad.')).toBe('nothing')
  })
  it('use no word that means something in the world', () => {
    const taken = new Set<string>([...allValues(), ...ATTRIBUTES])
    const texts = [...taleTexts(), ...DEMAND_NAMES, ...DEMAND_NAMES.flatMap((name) => [...demandValues(name)])]
    expect(texts.flatMap(wordsOf).filter((word) => taken.has(word))).toEqual([])
  })
})

describe('a formatted answer', () => {
  it('has the form that it was given', () => {
    for (const separator of demandValues('separator')) {
      const text = writeFormatted(claims, { opening: 'Hello', separator, closing: 'Thanks' })
      expect([observed('opening', text), observed('separator', text), observed('closing', text)]).toEqual([
        'Hello',
        separator,
        'Thanks',
      ])
    }
    expect(writeFormatted(claims, { opening: undefined, separator: 'dashes', closing: undefined })).toBe(
      'The color is red - the food is corn or rice - the mood is hard to say.',
    )
  })
})

describe('a tale', () => {
  it('has about the length that was asked for, whatever it claims', () => {
    const random = rng(1, 'tales')
    for (const length of demandValues('length')) {
      for (let i = 0; i < 50; i++) {
        const text = writeTale('creature', 'Zorbal', claims.slice(0, 2 + (i % 2)), length, random)
        expect(observed('length', text)).toBe(length)
        expect(text).toContain('Zorbal')
        expect(text).toContain('corn or rice')
      }
    }
  })
})
