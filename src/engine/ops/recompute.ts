/** Steps whose intermediate values are computed a second time for the gradient instead of being kept (Chen et al. 2016). */
import type { Value } from '../graph/graph.ts'

/** `make(input)`, of which only the input is kept until the gradient is taken. `make` must give the same every time. */
export function recomputed(input: Value, make: (input: Value) => Value): Value {
  const { graph } = input
  const { value, tape } = graph.recordAside(() => make(input))
  const inside = new Set(tape.map(({ output }) => output))
  const others = new Set(tape.flatMap(({ inputs }) => inputs).filter((each) => !inside.has(each) && each !== input))
  return graph.record({
    primitive: 'recomputed',
    inputs: [input, ...others],
    output: value,
    saved: {},
    numbers: {},
    replay: make,
  })
}
