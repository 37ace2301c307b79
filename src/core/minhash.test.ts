import { expect, it } from 'vitest'
import { signatureOf, similarityOf, SimilarityIndex } from './minhash.ts'
import { rng } from './rng.ts'

const random = rng(7)
const text = (words: number): string[] => Array.from({ length: words }, () => `w${random.below(5000)}`)

/** The similarity itself, counted. */
function jaccard(a: readonly string[], b: readonly string[]): number {
  const shingles = (words: readonly string[]): Set<string> =>
    new Set(words.slice(0, words.length - 4).map((_, start) => words.slice(start, start + 5).join(' ')))
  const [one, two] = [shingles(a), shingles(b)]
  const shared = [...one].filter((shingle) => two.has(shingle)).length
  return shared / (one.size + two.size - shared)
}

function withChanges(words: readonly string[], changes: number): string[] {
  const copy = [...words]
  for (let change = 0; change < changes; change++) copy[random.below(copy.length)] = `new${change}`
  return copy
}

it('estimates the Jaccard similarity of the shingles', () => {
  for (const changes of [0, 1, 4, 10, 30]) {
    const one = text(400)
    const two = withChanges(one, changes)
    const truth = jaccard(one, two)
    const estimate = similarityOf(signatureOf(one.join(' ')), signatureOf(two.join('\n')))
    // Four standard errors.
    expect(Math.abs(estimate - truth)).toBeLessThanOrEqual(4 * Math.sqrt((truth * (1 - truth)) / 128) + 1e-9)
  }
})

it('does not mind case, punctuation and spaces, and tells short and unspaced texts apart', () => {
  const of = (a: string, b: string): number => similarityOf(signatureOf(a), signatureOf(b))
  expect(of('The cat, on a mat! Again and again.', 'the CAT on a mat\n\nagain — and again')).toBe(1)
  expect(of('two words', 'two words')).toBe(1)
  expect(of('two words', 'other words')).toBeLessThan(0.1)
  expect(of('機械学習は面白いと思います', '機械学習は面白いと思いますよ')).toBeGreaterThan(0.6)
  expect(of('機械学習は面白いと思います', '今日は天気がとても良いですね')).toBeLessThan(0.1)
})

it('finds nearly all pairs over the threshold among many texts, and none far below it', () => {
  const index = new SimilarityIndex(0.8)
  const originals = Array.from({ length: 300 }, () => text(200))
  for (const words of originals) index.add(signatureOf(words.join(' ')))
  let found = 0
  for (const [number, words] of originals.entries()) {
    const close = index.nearest(signatureOf(withChanges(words, 2).join(' ')))
    if (close?.index === number) found++
    expect(index.nearest(signatureOf(withChanges(words, 40).join(' ')))).toBeNull()
  }
  // Two changes in 200 words leave about 0.9 of the shingles.
  expect(found).toBeGreaterThan(290)
})

it('among thousands that are alike still finds one of them, and one that resembles none of them', () => {
  const index = new SimilarityIndex(0.8)
  const words = text(200)
  const oneOfMany = (): ReturnType<typeof signatureOf> => signatureOf(withChanges(words, 1).join(' '))
  for (let added = 0; added < 2000; added++) index.add(oneOfMany())
  const found = Array.from({ length: 50 }, () => index.nearest(oneOfMany()))
  expect(found.filter((one) => one !== null)).toHaveLength(50)
  const other = text(200)
  const at = index.add(signatureOf(other.join(' ')))
  expect(index.nearest(signatureOf(withChanges(other, 1).join(' ')))?.index).toBe(at)
})
