/** Python's draws: the figures that CPython 3.11 prints for the same calls in the same order. */
import { expect, test } from 'vitest'
import { pythonRandom } from './mersenne-twister.ts'

test('seed 0 gives the uniform numbers, choices and normals that Python gives, across a refill of the state', () => {
  const source = pythonRandom(0)
  const uniform = [source.random(), source.random(), source.random()]
  expect(uniform).toEqual([0.8444218515250481, 0.7579544029403025, 0.420571580830845])
  expect([10, 1000, 3, 53, 1].map((n) => source.below(n))).toEqual([4, 988, 2, 31, 0])
  for (const expected of [1.6391095109274887, -0.9249345372119703, 0.9223306019157185]) {
    expect(source.gauss()).toBeCloseTo(expected, 12)
  }
  for (let i = 0; i < 2000; i++) source.random()
  expect(source.random()).toBe(0.9105485518366849)
  expect(source.gauss()).toBeCloseTo(-0.1891931090669293, 12)
})

test('the largest seed is taken as Python takes it', () => {
  expect(pythonRandom(4294967295).random()).toBe(0.6353574441341173)
})
