/**
 * A graph in two parts that run one after the other: what gives some of its values early, and the rest, which takes over what
 * it needs of the first. Knows nothing of what the graph computes.
 */
import type { Graph, GraphNode, Value } from './graph.ts'
import type { OnnxGraph } from './onnx.ts'

export interface SplitGraph {
  /** Gives the early outputs, and the carried values as further ones. */
  readonly first: OnnxGraph
  /** Gives the other outputs; the carried values are inputs. */
  readonly second: OnnxGraph
  readonly carried: readonly Value[]
}

/** Moving elements is cheaper than keeping a second copy of them. */
const MOVES = new Set(['Reshape', 'Slice', 'Cast'])

/** `early`: outputs of the graph. What both parts need is computed in the first alone, but for moves of elements. */
export function splitGraph(graph: Graph, early: readonly Value[]): SplitGraph {
  const producers = new Map(graph.nodes.flatMap((node) => present(node.outputs).map((value) => [value, node] as const)))
  const first = upstream(early, producers, () => false)
  const kept = (node: GraphNode): boolean => first.nodes.has(node) && !MOVES.has(node.type)
  const second = upstream(
    graph.outputs.filter((value) => !early.includes(value)),
    producers,
    kept,
  )
  const carried = [...second.stops]
  const part = (nodes: ReadonlySet<GraphNode>, taken: readonly Value[], outputs: readonly Value[]): OnnxGraph => {
    const used = new Set([...nodes].flatMap(({ inputs }) => present(inputs)))
    return {
      nodes: graph.nodes.filter((node) => nodes.has(node)),
      constants: graph.constants.filter(({ value }) => used.has(value)),
      inputs: [...graph.inputs.filter((value) => used.has(value)), ...taken],
      outputs,
    }
  }
  const late = graph.outputs.filter((value) => !early.includes(value))
  return { first: part(first.nodes, [], [...early, ...carried]), second: part(second.nodes, carried, late), carried }
}

/** The nodes that `values` follow from, up to the values of nodes at which `stop` says so. */
function upstream(
  values: readonly Value[],
  producers: ReadonlyMap<Value, GraphNode>,
  stop: (node: GraphNode) => boolean,
): { nodes: Set<GraphNode>; stops: Set<Value> } {
  const [nodes, stops] = [new Set<GraphNode>(), new Set<Value>()]
  const open = [...values]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    const node = producers.get(value)
    if (node === undefined || nodes.has(node)) continue
    if (stop(node)) stops.add(value)
    else {
      nodes.add(node)
      open.push(...present(node.inputs))
    }
  }
  return { nodes, stops }
}

function present(values: readonly (Value | undefined)[]): Value[] {
  return values.filter((value) => value !== undefined)
}
