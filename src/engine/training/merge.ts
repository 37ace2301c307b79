/** Adds low-rank adapters to the weights they belong to. */
import { Graph } from '../graph/graph.ts'
import { loraNames } from '../models/lora.ts'
import type { ParameterSpec, ParameterStore } from '../models/parameters.ts'
import { gemmKernel } from '../ops/kernels.ts'
import type { ExecutableOptions } from '../runtime/executable.ts'
import { Executable } from '../runtime/executable.ts'

/** Fills `target`, which may be `base` itself, with `base`, each adapted weight plus scale · B A. Returns `target`. */
export async function mergeAdapters(
  base: ParameterStore,
  adapters: ParameterStore,
  options: { scale: number; target: ParameterStore; execution?: ExecutableOptions },
): Promise<ParameterStore> {
  const { scale, target, execution = {} } = options
  if (target !== base) target.copy(base)
  for (const spec of base.specs) {
    const { a, b } = loraNames(spec.name.replace(/\.weight$/, ''))
    if (!adapters.has(a)) continue
    const rank = adapters.get(a).length / (spec.shape[1] ?? 1)
    const executable = await Executable.create(mergeGraph(spec, rank, scale).build(), execution)
    const weight = target.get(spec.name)
    await executable.run({ a: adapters.get(a), b: adapters.get(b), weight }, { merged: weight })
    await executable.release()
  }
  return target
}

/** weight [out, in] + scale · b [out, rank] a [rank, in]. */
function mergeGraph({ shape }: ParameterSpec, rank: number, scale: number): Graph {
  const [outputs = 1, inputs = 1] = shape
  const graph = new Graph()
  const a = graph.input('a', [rank, inputs])
  const b = graph.input('b', [outputs, rank])
  const weight = graph.input('weight', shape)
  graph.output('merged', gemmKernel(b, a, { alpha: scale, onto: weight }))
  return graph
}
