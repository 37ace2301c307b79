import { describe, expect, it } from 'vitest'
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
})
