/** Linear maps with weights in Hugging Face layout [out, in]. Knows nothing of models. */
import type { Value } from '../graph/graph.ts'
import { gemmKernel } from './kernels.ts'

/** x [N, in] · weightᵀ (+ bias [out]) → [N, out]. */
export function linear(x: Value, weight: Value, bias?: Value): Value {
  const output = gemmKernel(x, weight, { transposeB: true, onto: bias })
  const inputs = bias === undefined ? [x, weight] : [x, weight, bias]
  return x.graph.record({ primitive: 'linear', inputs, output, saved: {}, numbers: {} })
}

/** base [N, out] + scale · x [N, in] · weightᵀ: a residual connection or a low-rank adapter at the price of the product. */
export function linearOnto(base: Value, x: Value, weight: Value, scale = 1): Value {
  const output = gemmKernel(x, weight, { transposeB: true, alpha: scale, onto: base })
  const inputs = [base, x, weight]
  return x.graph.record({ primitive: 'linearOnto', inputs, output, saved: {}, numbers: { scale: [scale] } })
}
