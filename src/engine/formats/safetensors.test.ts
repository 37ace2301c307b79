import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ModelError } from '../../core/errors.ts'
import { openCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './half.ts'
import { SafetensorsReader } from './safetensors-reader.ts'
import { writeSafetensors } from './safetensors-writer.ts'

const goldens = join(import.meta.dirname, '../../../test/goldens/tiny-models')

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pop-formats-'))
})
afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

function values(...numbers: number[]): Float32Array {
  return Float32Array.from(numbers)
}

/** Writes a file with this header and this many data bytes. */
function craft(header: unknown, dataBytes: number, claimedLength?: number): string {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + json.length + dataBytes)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(claimedLength ?? json.length), true)
  bytes.set(json, 8)
  const path = join(dir, 'crafted.safetensors')
  writeFileSync(path, bytes)
  return path
}

describe('16-bit floats', () => {
  test('bfloat16 rounds to nearest, ties to even', () => {
    // 1 + 2^-8 lies half way between 1 and 1 + 2^-7; 1 + 3·2^-8 half way between 1 + 2^-7 and 1 + 2^-6.
    const source = values(1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, -0, Infinity, NaN, 3.4e38)
    const words = new Uint16Array(source.length)
    float32ToBfloat16(source, words)
    const back = new Float32Array(source.length)
    bfloat16ToFloat32(words, back)
    expect([...back]).toEqual([1, 1 + 2 ** -6, 1 + 2 ** -7, -0, Infinity, NaN, Infinity])
  })

  test('every half-precision word survives the way to float32 and back', () => {
    const words = Uint16Array.from({ length: 65536 }, (_, i) => i)
    const wide = new Float32Array(words.length)
    float16ToFloat32(words, wide)
    const changed = [...words].filter((word, i) => {
      const value = wide[i] ?? 0
      return !Number.isNaN(value) && float32ToFloat16(value) !== word
    })
    expect(changed).toEqual([])
  })

  test('half precision rounds to nearest, ties to even', () => {
    expect(float32ToFloat16(1 + 2 ** -11)).toBe(float32ToFloat16(1))
    expect(float32ToFloat16(1 + 3 * 2 ** -11)).toBe(float32ToFloat16(1 + 2 ** -9))
    expect(float32ToFloat16(65519)).toBe(0x7bff)
    expect(float32ToFloat16(65520)).toBe(0x7c00)
    expect(float32ToFloat16(2 ** -25)).toBe(0)
    expect(float32ToFloat16(3 * 2 ** -25)).toBe(2)
  })
})

describe('reading', () => {
  test('reads F32, BF16 and F16 tensors that safetensors for Python wrote', () => {
    const expected = JSON.parse(readFileSync(join(goldens, 'dtypes.json'), 'utf8')) as Record<string, number[]>
    const reader = SafetensorsReader.open(join(goldens, 'dtypes.safetensors'))
    for (const [name, numbers] of Object.entries(expected)) {
      const target = new Float32Array(numbers.length)
      reader.readInto(name, target)
      expect([...target]).toEqual(numbers.map(Math.fround))
    }
    expect(reader.tensors.get('f16')?.shape).toEqual([2, 5])
    expect(reader.metadata).toEqual({ format: 'pt' })
    expect(() => reader.readInto('ids', new Float32Array(3))).toThrow(/ids is I64; F32, BF16 and F16 can be loaded/)
    expect(() => reader.readInto('f32', new Float32Array(3))).toThrow(/f32 has 10 elements .* expected 3/)
    expect(() => reader.readInto('other', new Float32Array(3))).toThrow(/no tensor named other/)
    reader.close()
  })

  test('refuses a file that is cut short, at whatever byte', () => {
    const path = join(dir, 'model.safetensors')
    writeSafetensors(path, [{ name: 'a', shape: [2, 3], data: values(1, 2, 3, 4, 5, 6) }], 'F32')
    const whole = readFileSync(path)
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(path, whole)
      truncateSync(path, length)
      expect(() => SafetensorsReader.open(path)).toThrow(ModelError)
    }
  })

  test.each([
    ['a header longer than the file', craftArgs('{}', 0, 1e15), /header claims 1000000000000000 bytes/],
    ['a header that is not JSON', craftArgs('{"a":', 0), /header is not JSON/],
    ['a header that is a list', craftArgs([], 0), /not a JSON object/],
    ['a huge shape', craftArgs({ a: entry([2 ** 40, 2 ** 40], [0, 4]) }, 4), /needs .* bytes, not 4/],
    ['a negative dimension', craftArgs({ a: entry([-1], [0, 4]) }, 4), /must have dtype, shape and data_offsets/],
    ['offsets beyond the end', craftArgs({ a: entry([2], [0, 8]) }, 4), /truncated/],
    ['offsets that run backwards', craftArgs({ a: entry([1], [4, 0]) }, 4), /run backwards/],
    ['a shape that does not fit', craftArgs({ a: entry([2], [0, 4]) }, 4), /needs 8 bytes, not 4/],
    ['overlapping tensors', craftArgs({ a: entry([2], [0, 8]), b: entry([1], [4, 8]) }, 8), /"b" overlaps tensor "a"/],
    ['a gap', craftArgs({ a: entry([1], [4, 8]) }, 8), /4 bytes before tensor "a" belong to no tensor/],
    ['a tail', craftArgs({ a: entry([1], [0, 4]) }, 8), /4 bytes after the last tensor/],
    ['an unknown dtype', craftArgs({ a: entry([1], [0, 4], 'X7') }, 4), /unknown dtype "X7"/],
    ['metadata that is not text', craftArgs({ __metadata__: { a: 1 } }, 0), /must map text to text/],
  ])('refuses %s', (_, [header, dataBytes, claimed], message) => {
    const path = craft(header, dataBytes, claimed)
    expect(() => SafetensorsReader.open(path)).toThrow(ModelError)
    expect(() => SafetensorsReader.open(path)).toThrow(message)
  })

  test('never fails with anything but a ModelError on random bytes', () => {
    const path = join(dir, 'random.safetensors')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(80), (bytes, claimed) => {
        const file = new Uint8Array(8 + bytes.length)
        new DataView(file.buffer).setBigUint64(0, BigInt(claimed), true)
        file.set(bytes, 8)
        writeFileSync(path, file)
        try {
          SafetensorsReader.open(path).close()
        } catch (error) {
          expect(error).toBeInstanceOf(ModelError)
        }
      }),
      { numRuns: 200, seed: 7 },
    )
  })
})

function entry(shape: number[], offsets: number[], dtype = 'F32'): unknown {
  return { dtype, shape, data_offsets: offsets }
}

function craftArgs(header: unknown, dataBytes: number, claimed?: number): [unknown, number, number | undefined] {
  return [header, dataBytes, claimed]
}

describe('writing', () => {
  const tensors = [
    { name: 'b.weight', shape: [2, 2], data: values(1, -2, 0.1, 4) },
    { name: 'a.weight', shape: [3], data: values(5, 6, 7) },
    { name: 'c.weight', shape: [2], data: values(8, 9) },
  ]

  test('what is written is read back, in one file and in shards', () => {
    for (const shardBytes of [Infinity, 16, 1]) {
      writeCheckpoint(dir, tensors, 'F32', shardBytes)
      const checkpoint = openCheckpoint(dir)
      for (const { name, data } of tensors) {
        const target = new Float32Array(data.length)
        checkpoint.readInto(name, target)
        expect(target).toEqual(data)
      }
      expect([...checkpoint.tensors.keys()].sort()).toEqual(['a.weight', 'b.weight', 'c.weight'])
      checkpoint.close()
      rmSync(join(dir, 'model.safetensors'), { force: true })
    }
  })

  test('BF16 halves the data and rounds', () => {
    const path = join(dir, 'half.safetensors')
    writeSafetensors(path, tensors, 'BF16')
    const reader = SafetensorsReader.open(path)
    const target = new Float32Array(4)
    reader.readInto('b.weight', target)
    expect([...target]).toEqual([1, -2, 0.10009765625, 4])
    expect(reader.tensors.get('b.weight')).toMatchObject({ dtype: 'BF16', size: 4 })
    reader.close()
  })

  test('an index that points outside its folder, or at a missing shard or tensor, is refused', () => {
    const index = join(dir, 'model.safetensors.index.json')
    writeSafetensors(join(dir, 'one.safetensors'), tensors.slice(0, 1), 'F32')
    const attempt = (weightMap: Record<string, string>) => (): void => {
      writeFileSync(index, JSON.stringify({ weight_map: weightMap }))
      openCheckpoint(dir).close()
    }
    expect(attempt({ a: '../one.safetensors' })).toThrow(/in the same folder/)
    expect(attempt({ a: '/etc/one.safetensors' })).toThrow(/in the same folder/)
    expect(attempt({ a: 'two.safetensors' })).toThrow(/cannot open .*two\.safetensors/)
    expect(attempt({ 'a.weight': 'one.safetensors' })).toThrow(/one\.safetensors does not hold tensor a\.weight/)
    expect(attempt({ 'b.weight': 'one.safetensors' })).not.toThrow()
  })

  test('a folder without weights says which file is missing', () => {
    expect(() => openCheckpoint(dir)).toThrow(/no model\.safetensors and no model\.safetensors\.index\.json/)
  })
})
