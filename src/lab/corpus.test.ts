import { describe, expect, it } from 'vitest'
import { labConfig } from './config.ts'
import { labCorpus } from './corpus.ts'
import { wordsOf } from './oracle.ts'
import { createWorld } from './world/entities.ts'

const world = createWorld()

describe('the corpus', () => {
  it('is a function of its seed, with documents that all differ', () => {
    const documents = labCorpus({ seed: 5, documents: 300 })
    expect(labCorpus({ seed: 5, documents: 300 })).toEqual(documents)
    expect(labCorpus({ seed: 6, documents: 1 })[0]?.id).not.toBe(documents[0]?.id)
    expect(new Set(documents.map(({ id }) => id)).size).toBe(300)
  })
  it('for self-play never speaks of a held-out thing', () => {
    const heldOut = new Set(world.heldOut.map(({ name }) => name))
    const words = labCorpus({ seed: 5, documents: 400 }).flatMap(({ text }) => wordsOf(text))
    expect(words.filter((word) => heldOut.has(word))).toEqual([])
  })
  it('goes through all training things before one comes again', () => {
    const names = labCorpus({ seed: 5, documents: 120 }).map(({ truth }) => truth.entity.name)
    expect(new Set(names).size).toBe(120)
  })
  it('can be about unknown or altered things, for measuring', () => {
    const free = new Set(world.freeNames)
    expect(
      labCorpus({ seed: 5, documents: 20, subjects: 'unknown' }).every(({ truth }) => free.has(truth.entity.name)),
    ).toBe(true)
    const altered = labCorpus({ seed: 5, documents: 40, subjects: 'altered' }).map(({ truth }) => truth.entity)
    const original = new Map(world.heldOut.map((entity) => [entity.name, entity]))
    expect(altered.some((entity) => entity.facts.get('color') !== original.get(entity.name)?.facts.get('color'))).toBe(
      true,
    )
  })
})

describe('the configuration', () => {
  it('has the documents long enough for its own filter', () => {
    const { corpus } = labConfig()
    const lengths = labCorpus({ seed: 5, documents: 200 }).map(({ text }) => text.split(' ').length)
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(corpus.minWords)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(corpus.maxWords)
  })
  it('turns the control and the ablation on when asked', () => {
    expect(labConfig({ randomPairs: true }).pairing).toMatchObject({ chosen: 'random', rejected: 'random' })
    expect(labConfig({ groundRubric: false }).synthesis.groundRubric).toBe(false)
    expect(labConfig().pairing).toMatchObject({ chosen: 'max', rejected: 'min' })
  })
})
