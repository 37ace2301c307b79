/** A published raw samples file and the pairs that an independent program makes of it: test/goldens/published_rules.py. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseJson } from '../../src/core/json.ts'
import { buildPairs, formatPreferencePair, readPreferencePairs } from '../../src/pairing/index.ts'
import { exampleSchema, pairingConfigSchema, preferencePairSchema } from '../../src/records/index.ts'
import { readPublishedSamples } from '../../src/roles/index.ts'

const json = parseJson(readFileSync(new URL('../goldens/published-samples.json', import.meta.url), 'utf8'))
const golden = z
  .strictObject({ lines: z.array(z.string()), pairs: z.array(preferencePairSchema) })
  .parse(json.ok ? json.value : null)

const byPrompt = (a: { chosen: unknown }, b: { chosen: unknown }): number =>
  JSON.stringify(a.chosen) < JSON.stringify(b.chosen) ? -1 : 1

describe('a published samples file', () => {
  const { examples, badLines } = readPublishedSamples(golden.lines)

  it('is read whole, into valid records', () => {
    expect(badLines).toEqual([])
    expect(examples).toHaveLength(golden.lines.length)
    for (const example of examples) exampleSchema.parse(example)
    expect(new Set(examples.map(({ documentId, questionIndex }) => `${documentId}/${questionIndex}`)).size).toBe(
      examples.length,
    )
  })

  it('gives the same pairs as the published rule, field for field', () => {
    const { pairs, skipped } = buildPairs(examples, pairingConfigSchema.parse({}), 42)
    expect(pairs.toSorted(byPrompt)).toEqual(golden.pairs.toSorted(byPrompt))
    expect(skipped.noQuestion).toBe(1)
    const total = Object.values(skipped).reduce((sum, count) => sum + count, 0)
    expect(total + pairs.length).toBe(examples.length)
  })

  it('gives pairs that are read back as they were written', () => {
    const { pairs } = buildPairs(examples, pairingConfigSchema.parse({}), 42)
    expect(readPreferencePairs(pairs.map(formatPreferencePair))).toEqual({ pairs, badLines: [] })
  })
})
