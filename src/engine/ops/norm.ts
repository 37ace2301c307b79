/** Root-mean-square norm (Zhang and Sennrich 2019). */
import type { Value } from '../graph/graph.ts'

/** x / rms(x) · weight over the last axis. x [N, d], weight [d] → [N, d]. */
export function rmsNorm(x: Value, weight: Value, eps: number): Value {
  const inverseShape = [...x.shape.slice(0, -1), 1]
  const [output, inverse] = x.graph.opWithOutputs(
    'SimplifiedLayerNormalization',
    [x, weight],
    [{ shape: x.shape }, { shape: inverseShape }],
    { axis: { int: -1 }, epsilon: { float: eps } },
  )
  if (output === undefined || inverse === undefined) throw new Error('rmsNorm: the node lost its outputs')
  return x.graph.record({ primitive: 'rmsNorm', inputs: [x, weight], output, saved: { inverse }, numbers: {} })
}
