/**
 * 16-bit floating point, to and from float32. Rounds to nearest, ties to even (IEEE 754-2019, section 4.3.1), as torch does.
 * Knows nothing of files.
 */

const floatBits = new Float32Array(1)
const wordBits = new Uint32Array(floatBits.buffer)

/** Widens bfloat16 words into `target`. Exact. The two arrays have the same length. */
export function bfloat16ToFloat32(source: Uint16Array, target: Float32Array): void {
  const words = new Uint32Array(target.buffer, target.byteOffset, target.length)
  for (let i = 0; i < source.length; i++) words[i] = (source[i] ?? 0) << 16
}

/** Rounds float32 values to bfloat16 words. NaN stays NaN; a value beyond the largest bfloat16 becomes infinity. */
export function float32ToBfloat16(source: Float32Array, target: Uint16Array): void {
  const words = new Uint32Array(source.buffer, source.byteOffset, source.length)
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? 0
    const isNaN = (word & 0x7fffffff) > 0x7f800000
    target[i] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16
  }
}

/** Widens IEEE half-precision words into `target`. Exact. The two arrays have the same length. */
export function float16ToFloat32(source: Uint16Array, target: Float32Array): void {
  for (let i = 0; i < source.length; i++) target[i] = widenHalf(source[i] ?? 0)
}

function widenHalf(half: number): number {
  const exponent = (half >>> 10) & 0x1f
  const fraction = half & 0x3ff
  const sign = half & 0x8000 ? -1 : 1
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** Rounds one float32 value to an IEEE half-precision word. */
export function float32ToFloat16(value: number): number {
  floatBits[0] = value
  const word = wordBits[0] ?? 0
  const sign = (word >>> 16) & 0x8000
  const magnitude = word & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  // Below the smallest normal half: the result counts units of 2^-24, and a carry into 1024 is the smallest normal.
  if (magnitude < 0x38800000) return sign | roundHalfEven(Math.abs(floatBits[0] ?? 0) * 2 ** 24)
  const rebiased = magnitude - 0x38000000
  return sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13)
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1
  return floor % 2 === 0 ? floor : floor + 1
}
