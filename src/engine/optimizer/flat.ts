/** Arithmetic over flat buffers in place: what a loop would do, several times faster. */
import { OpenDimension } from '../graph/dimension.ts'
import { Graph } from '../graph/graph.ts'
import { addKernel, mulKernel } from '../ops/kernels.ts'
import type { ExecutableOptions } from '../runtime/executable.ts'
import { Executable } from '../runtime/executable.ts'

/** Elements at a time of what has to be copied first: 1 MiB. */
const CHUNK = 1 << 18

export class FlatArithmetic {
  private readonly options: ExecutableOptions
  private compiled: { scaling: Executable; adding: Executable } | undefined

  constructor(options: ExecutableOptions = {}) {
    this.options = options
  }

  /** x ← factor · x, the factor in float32. */
  async scale(x: Float32Array, factor: number): Promise<void> {
    const { scaling } = await this.executables()
    const feed = { data: x, shape: [x.length] }
    await scaling.run({ x: feed, factor: Float32Array.of(factor) }, { product: feed })
  }

  /** x ← Σ parts, of equal lengths, added in their order. They may lie in shared memory, which ONNX Runtime does not read. */
  async sum(x: Float32Array, [first, ...others]: readonly Float32Array[]): Promise<void> {
    if (first === undefined) {
      x.fill(0)
      return
    }
    const { adding } = await this.executables()
    const copy = new Float32Array(Math.min(CHUNK, x.length))
    for (let start = 0; start < x.length; start += CHUNK) {
      const end = Math.min(x.length, start + CHUNK)
      const shape = [end - start]
      const feed = { data: x.subarray(start, end), shape }
      feed.data.set(first.subarray(start, end))
      for (const part of others) {
        copy.set(part.subarray(start, end))
        await adding.run({ x: feed, y: { data: copy.subarray(0, end - start), shape } }, { sum: feed })
      }
    }
  }

  async release(): Promise<void> {
    const { compiled } = this
    this.compiled = undefined
    await Promise.all([compiled?.scaling.release(), compiled?.adding.release()])
  }

  private async executables(): Promise<{ scaling: Executable; adding: Executable }> {
    this.compiled ??= {
      scaling: await Executable.create(scalingGraph().build(), this.options),
      adding: await Executable.create(addingGraph().build(), this.options),
    }
    return this.compiled
  }
}

function scalingGraph(): Graph {
  const graph = new Graph()
  const x = graph.input('x', [new OpenDimension('length')])
  graph.output('product', mulKernel(x, graph.input('factor', [1])))
  return graph
}

function addingGraph(): Graph {
  const graph = new Graph()
  const length = new OpenDimension('length')
  graph.output('sum', addKernel(graph.input('x', [length]), graph.input('y', [length])))
  return graph
}
