/**
 * The rules at their edges, worked by hand: a table of inputs and what becomes of them. The published dialect reads as
 * arXiv 2604.20051 does; `lenient` is what POP does by default where that differs.
 */
import { describe, expect, it } from 'vitest'
import { buildPairs } from '../../src/pairing/index.ts'
import { pairingConfigSchema, type PairingConfig, type SkipReason } from '../../src/records/index.ts'
import { parseAnchoredRatings, parseEvaluation, parseRubric, scoreEvaluation } from '../../src/roles/index.ts'
import { anchoredScore, comparisonOf, medianAnchor, pairwiseScore } from '../../src/roles/compare.ts'
import { spreadByLength } from '../../src/roles/spread.ts'
import { exampleOf } from './examples.ts'

const words = (count: number): string => Array.from({ length: count }, (_, i) => `w${i}`).join(' ')
type Row = readonly [text: string, score: number | null]
const scored = (...scores: (number | null)[]): Row[] => scores.map((score, index) => [`answer ${index}`, score])

describe('pairs', () => {
  const tied = scored(1, 2, 2, 0, 0)
  it.each<[name: string, rows: Row[], expected: [number, number] | SkipReason, changes?: Partial<PairingConfig>]>([
    ['ties: the first maximum against the first minimum', tied, [1, 3]],
    ['all alike', scored(1, 1, 1), 'noSpread'],
    ['a standard deviation just under 0.001', scored(1, 1.0019), 'noSpread'],
    ['a standard deviation just over 0.001', scored(1, 1.0021), [1, 0]],
    ['33 candidates: the 33rd does not take part', [...scored(...Array<number>(32).fill(1)), ['best', 2]], 'noSpread'],
    [
      '33 candidates of which one has no score: the 33rd does',
      [...scored(null, 0, ...Array<number>(30).fill(1)), ['best', 2]],
      [32, 1],
    ],
    ['bestOf 2 of three', scored(0, 1, 2), [1, 0], { bestOf: 2 }],
    ['one score', scored(1, null), 'tooFewScored'],
    ['a failed judge is no low score', scored(2, null, 1), [0, 2]],
    ['negative scores, as anchored scoring gives them', scored(-3.5, -7, 0), [2, 1]],
    ['all negative', scored(-3.5, -7), [0, 1]],
    [
      'a gap of exactly 100 words',
      [
        [words(110), 2],
        [words(10), 0],
      ],
      [0, 1],
    ],
    [
      'a gap of 101 words',
      [
        [words(111), 2],
        [words(10), 0],
      ],
      'lengthGap',
    ],
    [
      '100 single spaces are 101 pieces',
      [
        [' '.repeat(100), 2],
        ['w', 0],
      ],
      [0, 1],
    ],
    [
      '101 single spaces are 102 pieces',
      [
        [' '.repeat(101), 2],
        ['w', 0],
      ],
      'lengthGap',
    ],
    [
      'newlines and tabs part no words',
      [
        ['a\nb\t'.repeat(300), 2],
        ['w', 0],
      ],
      [0, 1],
    ],
    [
      'an empty answer is one piece',
      [
        ['', 2],
        [words(101), 0],
      ],
      [0, 1],
    ],
    [
      'the same text twice with two scores',
      [
        ['same', 2],
        ['same', 0],
      ],
      [0, 1],
    ],
  ])('%s', (_name, rows, expected, changes = {}) => {
    const example = exampleOf(rows.map(([response, score]) => ({ response, score })))
    const outcome = buildPairs([example], pairingConfigSchema.parse(changes), 1).decisions[0]?.outcome
    expect(outcome?.status === 'paired' ? [outcome.chosen, outcome.rejected] : outcome?.reason).toEqual(expected)
  })
})

const judged = (...ratings: [name: string, rating: unknown][]): string => {
  const entries = ratings.map(([name, rating], i) => [`criterion_${i + 1}`, { name, thoughts: 't', rating }])
  return `<evaluation>${JSON.stringify(Object.fromEntries(entries))}</evaluation>`
}

describe('ratings', () => {
  const raw = (rating: string): string => judged(['Dose', 0]).replace('"rating":0', `"rating":${rating}`)
  it.each<[name: string, text: string, published: unknown, lenient: unknown]>([
    ['a number', judged(['Dose', 1]), 1, 1],
    ['a string', judged(['Dose', '2']), 'badNumber', 2],
    ['a word', judged(['Dose', 'two']), 'badNumber', 'badNumber'],
    ['out of range, kept as written', judged(['Dose', 7]), 7, 7],
    ['negative, kept as written', judged(['Dose', -1]), -1, -1],
    ['null', judged(['Dose', null]), 'badNumber', 'badNumber'],
    ['true', judged(['Dose', true]), 'badNumber', 'badNumber'],
    ['NaN', raw('NaN'), 'badJson', 'badNumber'],
    ['Infinity', raw('Infinity'), 'badJson', 'badNumber'],
    ['-Infinity', raw('-Infinity'), 'badJson', 'badNumber'],
    ['beyond doubles', raw('1e999'), 'badNumber', 'badNumber'],
    ['"NaN"', judged(['Dose', 'NaN']), 'badNumber', 'badNumber'],
  ])('%s', (_name, text, published, lenient) => {
    const read = (dialect?: 'published'): unknown => {
      const result = parseEvaluation(text, dialect === undefined ? {} : { dialect })
      return result.ok ? result.value[0]?.rating : result.reason
    }
    expect([read('published'), read()]).toEqual([published, lenient])
  })
})

describe('weights', () => {
  const rubric = (weight: string): string =>
    `<rubric>{"criterion_1":{"name":"Dose","gold":"g","description":"d","weight":${weight}}}</rubric>`
  it.each<[weight: string, published: unknown, lenient: unknown]>([
    ['3', 3, 3],
    ['"3"', 3, 3],
    ['-1', -1, -1],
    ['0', 0, 0],
    ['"high"', 'badNumber', 'badNumber'],
    ['NaN', 'badJson', 'badNumber'],
    ['Infinity', 'badJson', 'badNumber'],
    ['1e999', 'badNumber', 'badNumber'],
  ])('%s', (weight, published, lenient) => {
    const read = (dialect?: 'published'): unknown => {
      const result = parseRubric(rubric(weight), dialect === undefined ? {} : { dialect })
      return result.ok ? result.value[0]?.weight : result.reason
    }
    expect([read('published'), read()]).toEqual([published, lenient])
  })
})

describe('pointwise scores', () => {
  type Weights = [name: string, weight: number][]
  type Ratings = [name: string, rating: number][]
  it.each<[name: string, weights: Weights, ratings: Ratings, published: number | string, strict: number | string]>([
    [
      'weighted mean',
      [
        ['a', 3],
        ['b', 1],
      ],
      [
        ['a', 2],
        ['b', 0],
      ],
      1.5,
      1.5,
    ],
    [
      'clamped above and below',
      [
        ['a', 1],
        ['b', 1],
      ],
      [
        ['a', 7],
        ['b', -3],
      ],
      1,
      1,
    ],
    [
      'a name repeated: the last counts',
      [['a', 1]],
      [
        ['a', 0],
        [' A ', 2],
      ],
      2,
      2,
    ],
    [
      'an unknown name is ignored',
      [['a', 1]],
      [
        ['a', 1],
        ['b', 2],
      ],
      1,
      1,
    ],
    [
      'a criterion left out',
      [
        ['a', 1],
        ['b', 1],
      ],
      [['a', 2]],
      1,
      'missingCriterion',
    ],
    [
      'two criteria of one name share a rating',
      [
        ['a', 1],
        ['A', 3],
      ],
      [['a', 1]],
      1,
      1,
    ],
    ['nothing rated', [['a', 1]], [], 0, 'missingCriterion'],
    [
      'weights that add up to nothing',
      [
        ['a', 0],
        ['b', 0],
      ],
      [
        ['a', 2],
        ['b', 2],
      ],
      'zeroWeight',
      'zeroWeight',
    ],
    [
      'weights that cancel',
      [
        ['a', 1],
        ['b', -1],
      ],
      [
        ['a', 2],
        ['b', 0],
      ],
      'zeroWeight',
      'zeroWeight',
    ],
    [
      'a penalty',
      [
        ['a', 3],
        ['b', -1],
      ],
      [
        ['a', 2],
        ['b', 2],
      ],
      2,
      2,
    ],
    [
      'a penalty that was earned alone',
      [
        ['a', 3],
        ['b', -1],
      ],
      [
        ['a', 0],
        ['b', 2],
      ],
      -1,
      -1,
    ],
    ['no criterion', [], [['a', 2]], 'noRubric', 'noRubric'],
  ])('%s', (_name, weights, ratings, published, strict) => {
    const rubric = weights.map(([name, weight]) => ({ name, weight, gold: '', description: '' }))
    const evaluation = ratings.map(([name, rating]) => ({ name, rating, thoughts: '' }))
    const score = (missingCriterion: 'zero' | 'unscored'): number | string => {
      const result = scoreEvaluation(rubric, evaluation, { missingCriterion })
      return result.status === 'scored' ? result.value : result.reason
    }
    expect([score('zero'), score('unscored')]).toEqual([published, strict])
  })
})

describe('comparing scores', () => {
  it.each<[name: string, text: string, expected: unknown]>([
    ['both ends of the scale', '<rating_A>0</rating_A><rating_B>10</rating_B>', { ratingA: 0, ratingB: 10 }],
    ['decimals', '<rating_A>7.5</rating_A><rating_B> 3 </rating_B>', { ratingA: 7.5, ratingB: 3 }],
    ['out of range', '<rating_A>11</rating_A><rating_B>3</rating_B>', 'badNumber'],
    ['negative', '<rating_A>-1</rating_A><rating_B>3</rating_B>', 'badNumber'],
    ['NaN', '<rating_A>NaN</rating_A><rating_B>3</rating_B>', 'badNumber'],
    ['one rating alone', '<rating_A>5</rating_A>', 'noTag'],
  ])('anchored ratings: %s', (_name, text, expected) => {
    const read = parseAnchoredRatings(text, { dialect: 'published' })
    expect(read.ok ? read.value : read.reason).toEqual(expected)
  })

  it('anchored: the mean of both orders, below 0 for an answer that is worse than the anchor', () => {
    const worse = comparisonOf(0, 1, -4, -7)
    expect(anchoredScore(0, 1, [worse])).toEqual({ status: 'scored', value: -5.5 })
    expect(anchoredScore(1, 1, [worse])).toEqual({ status: 'scored', value: 0 })
  })

  it('anchored: the anchor has index ⌊n/2⌋ by length, the earlier of equal ones first', () => {
    const answers = ['four', 'a', 'bb', 'cc'].map((answer, index) => ({ index, answer }))
    expect(medianAnchor(answers)?.index).toBe(3)
    expect(medianAnchor(answers.slice(0, 3))?.index).toBe(2)
  })

  it('pairwise: a comparison of which one order failed is void, and a candidate with none left has no score', () => {
    const comparisons = [comparisonOf(0, 1, 1, 1), comparisonOf(0, 2, 1, 'badShape'), comparisonOf(1, 2, 0, 'noTag')]
    expect([0, 1, 2].map((index) => pairwiseScore(index, comparisons))).toEqual([
      { status: 'scored', value: 1 },
      { status: 'scored', value: 0 },
      { status: 'unscored', reason: 'badShape' },
    ])
  })
})

describe('the answers that a rubric writer sees', () => {
  const answers = (n: number): string[] => Array.from({ length: n }, (_, i) => 'x'.repeat(n - i))
  it.each<[n: number, shown: number, expected: number]>([
    [1, 10, 1],
    [9, 10, 9],
    [19, 10, 19],
    [20, 10, 10],
    [32, 10, 11],
    [32, 4, 4],
    [7, 4, 7],
    [8, 4, 4],
  ])('of %i with k = max(⌊n / %i⌋, 1) are %i, the shortest first', (n, shown, expected) => {
    const seen = spreadByLength(answers(n), { shown })
    expect(seen).toHaveLength(expected)
    expect(seen[0]).toBe('x')
  })

  it('are cut by pieces between single spaces', () => {
    expect(spreadByLength([`${words(2047)}  last`], { shown: 4, maxWords: 2048 })).toEqual([`${words(2047)} `])
    expect(spreadByLength(['a\nb  c'], { shown: 4, maxWords: 2 })).toEqual(['a\nb '])
  })
})
