/** Weights rounded to int8, symmetric, one scale for each output. Pure. */

export interface QuantisedMatrix {
  /** [inputs, outputs], row-major: the transpose of how weights are stored. */
  readonly data: Int8Array
  /** [outputs]: a weight is about data · scale. */
  readonly scales: Float32Array
}

/** Outputs that are transposed together, so that both sides stay in the cache. */
const TILE = 64

export interface MatrixShape {
  readonly outputs: number
  readonly inputs: number
}

/**
 * @param weight [outputs, inputs], row-major
 * @param limit the largest weight after rounding, at most 127
 */
export function quantise(weight: Float32Array, { outputs, inputs }: MatrixShape, limit: number): QuantisedMatrix {
  const data = new Int8Array(weight.length)
  const scales = new Float32Array(outputs)
  for (let first = 0; first < outputs; first += TILE) {
    const end = Math.min(outputs, first + TILE)
    for (let o = first; o < end; o++) scales[o] = largest(weight, o * inputs, inputs) / limit
    for (let i = 0; i < inputs; i++) {
      for (let o = first; o < end; o++) {
        // An output whose weights are all zero has scale 0.
        data[i * outputs + o] = Math.round((weight[o * inputs + i] ?? 0) / (scales[o] || 1))
      }
    }
  }
  return { data, scales }
}

function largest(values: Float32Array, start: number, length: number): number {
  let most = 0
  for (let i = start; i < start + length; i++) most = Math.max(most, Math.abs(values[i] ?? 0))
  return most
}
