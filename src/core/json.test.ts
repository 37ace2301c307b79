import { describe, expect, it } from 'vitest'
import { rng } from './rng.ts'
import { canonicalJson, isJsonObject, parseJson } from './json.ts'

describe('parseJson', () => {
  it('drops a __proto__ key at any depth, however it is spelt', () => {
    const spellings = ['__proto__', '\\u005f_proto__', '__pr\\u006Fto__', '_\\u005Fproto_\\u005f']
    for (const name of spellings) {
      const parsed = parseJson(`{"a": [{"${name}": {"polluted": true}, "b": 1}]}`)
      if (!parsed.ok || !isJsonObject(parsed.value)) throw new Error('not an object')
      const [inner] = parsed.value['a'] as [object]
      expect(Object.getOwnPropertyNames(inner)).toEqual(['b'])
      expect(Object.getPrototypeOf(inner)).toBe(Object.prototype)
    }
  })

  it('keeps the word where it is no key, and never throws', () => {
    expect(parseJson('["__proto__"]')).toEqual({ ok: true, value: ['__proto__'] })
    expect(parseJson('{"a"')).toMatchObject({ ok: false })
    expect(parseJson('')).toMatchObject({ ok: false })
  })
})

describe('canonicalJson', () => {
  it('gives equal text for equal values whatever the order of keys, at every depth', () => {
    expect(canonicalJson({ b: [{ y: 1, x: 2 }], a: 1 })).toBe('{"a":1,"b":[{"x":2,"y":1}]}')
    expect(canonicalJson([2, 1])).toBe('[2,1]')
  })

  it('is what JSON.stringify gives for the same value with its keys sorted, so that earlier hashes stay', () => {
    const sorted = (value: unknown): string =>
      JSON.stringify(value, (_key, item: unknown) => {
        if (!isJsonObject(item)) return item
        return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      })
    const keys = ['b', 'a', '__proto__', '10', '2', '01', '-1', '', 'é', 'toString']
    const random = rng(1, 'values')
    const value = (depth: number): unknown => {
      const scalars = [random.normal(), null, undefined, -0, NaN, true, '"\\\n\u2028\ud800', new Date(0)]
      if (depth > 3 || random.below(3) === 0) return random.pick(scalars)
      if (random.below(2) === 0) return Array.from({ length: random.below(4) }, () => value(depth + 1))
      return Object.fromEntries(Array.from({ length: random.below(6) }, () => [random.pick(keys), value(depth + 1)]))
    }
    for (let i = 0; i < 3000; i++) {
      const made = { made: value(0) }
      expect(canonicalJson(made)).toBe(sorted(made))
    }
  })
})
