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
