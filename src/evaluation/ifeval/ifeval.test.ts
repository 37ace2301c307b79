/** The checkers against the official verdicts (test/goldens/ifeval/make.py), and on hostile text. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { argumentsSchema, checkers, followsLoosely, followsStrictly, isInstructionId } from './checkers.ts'
import { detectLanguage } from './language.ts'
import { splitSentences } from './sentences.ts'

interface Case {
  id: string
  kwargs: Record<string, unknown>
  response: string
  strict: boolean
  loose: boolean
}

const file = new URL('../../../test/goldens/ifeval/cases.jsonl', import.meta.url)
const cases = readFileSync(file, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Case)

describe.each(Object.keys(checkers))('%s', (id) => {
  const own = cases.filter((one) => one.id === id)

  test('agrees with the official checker, strict and loose', () => {
    expect(own.length).toBe(40)
    for (const { kwargs, response, strict, loose } of own) {
      if (!isInstructionId(id)) throw new Error(id)
      const given = argumentsSchema.parse(kwargs)
      const verdicts = { strict: followsStrictly(id, response, given), loose: followsLoosely(id, response, given) }
      expect({ response, ...verdicts }).toEqual({ response, strict, loose })
    }
  })
})

test('no checker throws, whatever the response and its arguments hold', () => {
  const piece = fc.constantFrom(
    '*',
    '**',
    '***',
    '[',
    ']',
    '<<',
    '>>',
    '"',
    '\n',
    ' ',
    '.',
    'A',
    'a.b.',
    '(',
    '\\',
    'é',
    '``',
    "'",
  )
  const argument = fc.record({
    keywords: fc.array(fc.constantFrom('(', '[a', '\\', '*', 'x')),
    section_spliter: fc.constantFrom('', '(', 'Section'),
    letter: fc.constantFrom('', '#', 'a'),
  })
  fc.assert(
    fc.property(fc.string({ unit: piece }), argument, (response, given) => {
      for (const id of Object.keys(checkers)) {
        if (isInstructionId(id) && !id.startsWith('language') && !id.includes('english'))
          followsLoosely(id, response, given)
      }
    }),
    { numRuns: 30 },
  )
})

test.each([
  ['Dr. Smith came at 5 p.m. on Jan. 3. He left.', 2],
  ['I like e.g. this one.', 2],
  ['1. Foo bar.', 2],
  ['Wow!!! "Really?" she asked.', 3],
  ['He paid $3.50 for it... Then he left.', 1],
  ['', 0],
])('%j has %i sentences, as NLTK counts', (text, count) => {
  expect(splitSentences(text)).toHaveLength(count)
})

test.each([
  ['Alle Menschen sind frei und gleich an Würde und Rechten geboren.', 'de'],
  ['すべての人間は、生まれながらにして自由である。', 'ja'],
  ['Tous les êtres humains naissent libres et égaux en dignité.', 'fr'],
  ['12345 ?!', null],
])('%j is %j', (text, language) => {
  expect(detectLanguage(text)).toBe(language)
})
