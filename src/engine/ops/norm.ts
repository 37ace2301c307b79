/** Root-mean-square norm (Zhang and Sennrich 2019). */
import type { Value } from '../graph/graph.ts'
import { addKernel, divKernel, mulKernel, sumKernel, unaryKernel } from './kernels.ts'

/** x / rms(x) · weight over the last axis. x [N, d], weight [d] → [N, d]. */
export function rmsNorm(x: Value, weight: Value, eps: number): Value {
  const inverseShape = [...x.shape.slice(0, -1), 1]
  const [output, given] = x.graph.opWithOutputs(
    'SimplifiedLayerNormalization',
    [x, weight],
    [{ shape: x.shape }, { shape: inverseShape }],
    { axis: { int: -1 }, epsilon: { float: eps } },
  )
  const inverse = x.graph.limits.normScaleApart === true ? inverseScale(x, eps) : given
  if (output === undefined || inverse === undefined) throw new Error('rmsNorm: the node lost its outputs')
  return x.graph.record({ primitive: 'rmsNorm', inputs: [x, weight], output, saved: { inverse }, numbers: {} })
}

/** 1 / rms(x): [N, d] → [N, 1]. */
function inverseScale(x: Value, eps: number): Value {
  const scalar = (value: number): Value => x.graph.sharedConstant([value], [1])
  const squares = sumKernel(mulKernel(x, x), -1)
  const mean = mulKernel(squares, scalar(1 / x.dimension(-1)))
  return divKernel(scalar(1), unaryKernel('Sqrt', addKernel(mean, scalar(eps))))
}
