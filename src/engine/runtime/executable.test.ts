import { describe, expect, it } from 'vitest'
import { Graph } from '../graph/graph.ts'
import type { ExecutableOptions } from './executable.ts'
import { Executable } from './executable.ts'
import { zeroCopyWorks } from './zero-copy.ts'

/** y = x·Wᵀ + c by Gemm and its row sums, on shapes small enough to check by hand. */
async function gemm(options: ExecutableOptions = {}): Promise<Executable> {
  const graph = new Graph()
  const x = graph.input('x', [2, 3])
  const w = graph.input('w', [2, 3])
  const c = graph.input('c', [2, 2])
  const y = graph.op('Gemm', [x, w, c], { shape: [2, 2] }, { transB: { int: 1 } })
  graph.output('y', y)
  graph.output('total', graph.op('ReduceSum', [y], { shape: [] }, { keepdims: { int: 0 } }))
  return Executable.create(graph.build(), { threads: 1, ...options })
}

const x = Float32Array.of(1, 2, 3, 4, 5, 6)
const w = Float32Array.of(1, 0, -1, 2, 1, 0)

describe('Executable', () => {
  it('passes the self-test of the zero-copy path with the pinned ONNX Runtime', async () => {
    expect(await zeroCopyWorks()).toBe(true)
  })

  for (const zeroCopy of [true, false]) {
    const path = zeroCopy ? 'in place' : 'with copies'

    it(`fills preallocated outputs ${path}`, async () => {
      const executable = await gemm({ zeroCopy })
      const y = new Float32Array(4)
      const total = new Float32Array(1)
      await executable.run({ x, w, c: new Float32Array(4) }, { y, total })
      expect([...y]).toEqual([-2, 4, -2, 13])
      expect([...total]).toEqual([13])
      await executable.release()
    })

    it(`adds to an output that is also an input ${path}`, async () => {
      const executable = await gemm({ zeroCopy })
      const sum = Float32Array.of(10, 20, 30, 40)
      for (let run = 0; run < 3; run++) await executable.run({ x, w, c: sum }, { y: sum })
      expect([...sum]).toEqual([10 - 6, 20 + 12, 30 - 6, 40 + 39])
      await executable.release()
    })
  }

  it('reads views into a larger buffer', async () => {
    const executable = await gemm()
    const flat = new Float32Array(40)
    flat.set(x, 16)
    await executable.run({ x: flat.subarray(16, 22), w, c: new Float32Array(4) }, { y: flat.subarray(32, 36) })
    expect([...flat.subarray(32, 36)]).toEqual([-2, 4, -2, 13])
    await executable.release()
  })

  it('refuses a buffer that does not fit, an unknown name, and use after release', async () => {
    const executable = await gemm()
    const c = new Float32Array(4)
    const y = new Float32Array(4)
    await expect(executable.run({ x: new Float32Array(5), w, c }, { y })).rejects.toThrow(/x has shape \[2, 3\]/)
    await expect(executable.run({ x, w, c }, { z: y })).rejects.toThrow(/no input or output z/)
    await executable.release()
    await expect(executable.run({ x, w, c }, { y })).rejects.toThrow(/after release/)
  })

  it('passes on errors of the graph itself', async () => {
    const graph = new Graph()
    const index = graph.input('index', [1], 'int32')
    const table = graph.constant([1, 2, 3], [3])
    graph.output('y', graph.op('Gather', [table, index], { shape: [1] }))
    const executable = await Executable.create(graph.build(), { threads: 1 })
    const y = new Float32Array(1)
    await executable.run({ index: Int32Array.of(2) }, { y })
    expect(y[0]).toBe(3)
    await expect(executable.run({ index: Int32Array.of(7) }, { y })).rejects.toThrow()
    await executable.release()
  })
})
