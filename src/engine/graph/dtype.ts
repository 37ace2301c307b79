/** Element types of tensors and how JavaScript holds them. Knows nothing of graphs. */

export type Dtype = 'float32' | 'uint8' | 'int8' | 'int32' | 'int64' | 'bool'

/** What a tensor's elements may be held in. Booleans are one byte each. */
export type TensorData = Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array

/** Codes of `onnx.TensorProto.DataType`. */
export const ONNX_DTYPE: Readonly<Record<Dtype, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
}

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1)
}

/** Numbers as a tensor's elements. A list of numbers is converted, a typed array of the right kind is kept. */
export function toTensorData(values: TensorData | readonly number[], dtype: Dtype): TensorData {
  if (ArrayBuffer.isView(values)) return values
  switch (dtype) {
    case 'float32':
      return Float32Array.from(values)
    case 'uint8':
    case 'bool':
      return Uint8Array.from(values)
    case 'int8':
      return Int8Array.from(values)
    case 'int32':
      return Int32Array.from(values)
    case 'int64':
      return BigInt64Array.from(values, (value) => BigInt(value))
  }
}
