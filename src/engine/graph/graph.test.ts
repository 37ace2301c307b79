import { describe, expect, it } from 'vitest'
import { Graph } from './graph.ts'
import { MessageWriter } from './protobuf.ts'

describe('MessageWriter', () => {
  it('writes the examples of the wire-format documentation', () => {
    expect([...new MessageWriter().int(1, 150).finish()]).toEqual([0x08, 0x96, 0x01])
    expect([...new MessageWriter().string(2, 'testing').finish()]).toEqual([0x12, 0x07, ...Buffer.from('testing')])
    const nested = new MessageWriter().message(3, (inner) => inner.int(1, 150)).finish()
    expect([...nested]).toEqual([0x1a, 0x03, 0x08, 0x96, 0x01])
  })

  it('writes a negative integer in ten bytes and a float in four', () => {
    expect([...new MessageWriter().int(1, -2).finish()]).toEqual([0x08, 0xfe, ...Array<number>(8).fill(0xff), 0x01])
    expect([...new MessageWriter().float(2, 1).finish()]).toEqual([0x15, 0, 0, 0x80, 0x3f])
  })

  it('writes other letters than ASCII as UTF-8', () => {
    const text = 'a weight é 重み'
    const bytes = [...Buffer.from(text)]
    expect([...new MessageWriter().string(1, text).int(2, 1).finish()]).toEqual([0x0a, bytes.length, ...bytes, 0x10, 1])
  })

  it('puts large payloads, which it does not copy before the end, where they belong', () => {
    const [large, small] = [new Uint8Array(100_000).fill(7), new Uint8Array(300).fill(9)]
    const length = (bytes: number): number[] => [
      (bytes & 127) | 128,
      ...(bytes < 1 << 14 ? [bytes >> 7] : [((bytes >> 7) & 127) | 128, bytes >> 14]),
    ]
    const payloads = [
      0x0a,
      ...length(100_000),
      ...large,
      0x12,
      ...length(300),
      ...small,
      0x0a,
      ...length(100_000),
      ...large,
    ]
    const writer = new MessageWriter().int(1, 5)
    writer.message(3, (inner) =>
      inner.message(4, (innermost) => innermost.bytes(1, large).bytes(2, small).bytes(1, large)),
    )
    const inside = [0x22, ...length(payloads.length), ...payloads]
    expect(Buffer.from(writer.int(1, 6).finish())).toEqual(
      Buffer.from([0x08, 5, 0x1a, ...length(inside.length), ...inside, 0x08, 6]),
    )
  })
})

describe('Graph', () => {
  it('refuses names that are taken or reserved', () => {
    const graph = new Graph()
    graph.input('x', [1])
    expect(() => graph.input('x', [1])).toThrow(/taken/)
    expect(() => graph.input('%x', [1])).toThrow(/builder's own/)
    expect(() => graph.input('pop.sentinel', [1])).toThrow(/taken/)
  })

  it('refuses an output that is not computed or is declared twice', () => {
    const graph = new Graph()
    const x = graph.input('x', [1])
    const y = graph.op('Exp', [x], { shape: [1] })
    graph.output('y', y)
    expect(() => graph.output('z', y)).toThrow(/already/)
    expect(() => graph.output('x2', x)).toThrow(/not computed/)
  })

  it('checks the number of a constant’s elements', () => {
    expect(() => new Graph().constant([1, 2, 3], [2, 2])).toThrow(/3 elements for shape \[2, 2\]/)
  })

  it('makes a shared constant once', () => {
    const graph = new Graph()
    expect(graph.sharedConstant([1, 2], [2], 'int64')).toBe(graph.sharedConstant([1, 2], [2], 'int64'))
    expect(graph.sharedConstant([1, 2], [2], 'int64')).not.toBe(graph.sharedConstant([1, 2], [2]))
    expect(graph.constants).toHaveLength(2)
  })

  it('counts axes from the end too', () => {
    const x = new Graph().input('x', [2, 3])
    expect([x.dimension(0), x.dimension(-1)]).toEqual([2, 3])
    expect(() => x.dimension(2)).toThrow(/no axis 2/)
  })
})
